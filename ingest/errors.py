"""Why the collector refuses a request, as OTLP clients understand it over HTTP and gRPC.

Refused
├── BadRequest        400  the body isn't what it says it is: don't send it again
├── Unauthenticated   401  no key, or not one of ours
├── Forbidden         403  a key without the scope `ingest`
├── NotServed         404  a path that isn't ours
├── WrongMethod       405  a verb that the path doesn't take
├── SlowClient        408  the body didn't arrive in time: send it again
├── TooLarge          413  more bytes or spans than the limits allow: send smaller batches
├── WrongContentType  415  not OTLP in protobuf or JSON
└── Later                  nothing was stored: send it again after `retry_after_s`
    ├── RateLimited   429  the workspace sends more than it may
    └── Busy          503  the collector can't take it just now
"""

from __future__ import annotations

from typing import ClassVar

# google.rpc.Code
INVALID_ARGUMENT = 3
DEADLINE_EXCEEDED = 4
NOT_FOUND = 5
PERMISSION_DENIED = 7
RESOURCE_EXHAUSTED = 8
UNIMPLEMENTED = 12
UNAVAILABLE = 14
UNAUTHENTICATED = 16


class Refused(Exception):
    """A request that isn't acknowledged.

    `status` is HTTP's, `code` is google.rpc.Code, `reason` the name that it is counted by.
    """

    status: ClassVar[int] = 500
    code: ClassVar[int] = UNAVAILABLE
    reason: ClassVar[str] = "failed"
    retryable: ClassVar[bool] = False


class BadRequest(Refused):
    status = 400
    code = INVALID_ARGUMENT
    reason = "malformed"


class Unauthenticated(Refused):
    status = 401
    code = UNAUTHENTICATED
    reason = "unauthenticated"


class Forbidden(Refused):
    status = 403
    code = PERMISSION_DENIED
    reason = "forbidden"


class NotServed(Refused):
    status = 404
    code = NOT_FOUND
    reason = "not_served"


class WrongMethod(Refused):
    status = 405
    code = UNIMPLEMENTED
    reason = "wrong_method"

    def __init__(self, message: str, allowed: str = "POST") -> None:
        super().__init__(message)
        self.allowed = allowed


class SlowClient(Refused):
    status = 408
    code = DEADLINE_EXCEEDED
    reason = "slow_client"
    retryable = True


class TooLarge(Refused):
    status = 413
    code = RESOURCE_EXHAUSTED
    reason = "too_large"


class WrongContentType(Refused):
    status = 415
    code = INVALID_ARGUMENT
    reason = "wrong_content_type"


class Later(Refused):
    """Nothing was stored; `retry_after_s` says when to try again."""

    retryable = True

    def __init__(self, message: str, retry_after_s: int = 5) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RateLimited(Later):
    status = 429
    code = RESOURCE_EXHAUSTED
    reason = "rate_limited"


class Busy(Later):
    status = 503
    code = UNAVAILABLE
    reason = "busy"

"""Why the collector refuses a request, as OTLP clients understand it.

Refused
├── BadRequest        400  the body isn't what it says it is: don't send it again
├── Unauthenticated   401  no key, or not one of ours
├── Forbidden         403  a key without the scope `ingest`
├── NotServed         404  a path that isn't ours
├── WrongMethod       405  a verb that the path doesn't take
├── SlowClient        408  the body didn't arrive in time: send it again
├── TooLarge          413  more bytes or spans than the limits allow: send smaller batches
├── WrongContentType  415  not OTLP protobuf
└── Busy              503  nothing was stored: send it again after `retry_after_s`
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
    """A request that isn't acknowledged; `code` is google.rpc.Code, `status` is HTTP's."""

    status: ClassVar[int] = 500
    code: ClassVar[int] = UNAVAILABLE
    retryable: ClassVar[bool] = False


class BadRequest(Refused):
    status = 400
    code = INVALID_ARGUMENT


class Unauthenticated(Refused):
    status = 401
    code = UNAUTHENTICATED


class Forbidden(Refused):
    status = 403
    code = PERMISSION_DENIED


class NotServed(Refused):
    status = 404
    code = NOT_FOUND


class WrongMethod(Refused):
    status = 405
    code = UNIMPLEMENTED


class SlowClient(Refused):
    status = 408
    code = DEADLINE_EXCEEDED
    retryable = True


class TooLarge(Refused):
    status = 413
    code = RESOURCE_EXHAUSTED


class WrongContentType(Refused):
    status = 415
    code = INVALID_ARGUMENT


class Busy(Refused):
    """Nothing was stored; `retry_after_s` says when to try again."""

    status = 503
    code = UNAVAILABLE
    retryable = True

    def __init__(self, message: str, retry_after_s: int = 5) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s

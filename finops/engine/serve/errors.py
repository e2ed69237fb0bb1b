"""What the server refuses, before it starts and request by request.

ServeError            the server can't start; an EngineError, its message is the line to show
    NoTokenizer
    PortTaken
Refused               a request gets no answer, in OpenAI's form of an error
    Invalid           400  TooLong        400  Unauthorized   401  NotFound       404
    WrongMethod       405  SlowClient     408  TooLarge       413  Overloaded     429
    EngineFailed      500  Draining       503  DeadlinePassed 504
ClientGone            there is nobody to answer
"""

from __future__ import annotations

from finops.engine.errors import EngineError


class ServeError(EngineError):
    """The server can't start as it was told to."""

    code = "serve"


class NoTokenizer(ServeError):
    """A tokenizer can't be read."""

    code = "no_tokenizer"


class PortTaken(ServeError):
    """Another process listens there, or the system doesn't allow it."""

    code = "port_taken"


class ClientGone(Exception):
    """The client closed its connection; whatever it asked for is not wanted any more."""


class Refused(EngineError):
    """A request that gets no answer; `param` names the field that is wrong."""

    status = 400
    kind = "invalid_request_error"
    code = "invalid_value"

    def __init__(self, message: str, param: str | None = None, retry_after_s: int = 0) -> None:
        super().__init__(message)
        self.param = param
        self.retry_after_s = retry_after_s


class Invalid(Refused):
    """A field is missing, unknown to us in this value, or of the wrong type."""


class TooLong(Refused):
    """Prompt and answer don't fit into the context or the KV cache."""

    code = "context_length_exceeded"


class Unauthorized(Refused):
    """No key, or a wrong one."""

    status = 401
    code = "invalid_api_key"


class NotFound(Refused):
    """A path or a model that isn't here."""

    status = 404
    code = "not_found"


class WrongMethod(Refused):
    """A path that wants another method."""

    status = 405
    code = "method_not_allowed"


class SlowClient(Refused):
    """The body didn't arrive in time."""

    status = 408
    code = "request_timeout"


class TooLarge(Refused):
    """The body is larger than the server reads."""

    status = 413
    code = "request_too_large"


class Overloaded(Refused):
    """The queue is full; the same request may be taken later."""

    status = 429
    kind = "rate_limit_error"
    code = "queue_full"
    retryable = True


class EngineFailed(Refused):
    """The executor failed on the step that this request was part of."""

    status = 500
    kind = "server_error"
    code = "engine_failed"
    retryable = True


class Draining(Refused):
    """The server is about to stop and takes nothing new."""

    status = 503
    kind = "server_error"
    code = "draining"
    retryable = True


class DeadlinePassed(Refused):
    """The answer took longer than the server allows."""

    status = 504
    kind = "server_error"
    code = "deadline_passed"
    retryable = True

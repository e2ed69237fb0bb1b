"""What can go wrong with ClickHouse, and whether trying again makes sense.

WarehouseError
├── Unavailable     no connection, or it broke: retry
├── TooBusy         limits of the server reached (memory, queries, parts): retry later
├── QueryTimeout    the statement took longer than it may: retry with less
└── QueryFailed     the statement is wrong, or its data: a retry changes nothing
"""

from __future__ import annotations

from clickhouse_driver.errors import (
    Error as DriverError,
)
from clickhouse_driver.errors import (
    ErrorCodes,
    NetworkError,
    ServerException,
    SocketTimeoutError,
)

TIMEOUTS = {159, 160, 209}
# 202 too many queries, 241 memory limit, 252 too many parts, 236 aborted, 216 query already running
BUSY = {202, 216, 236, 241, 252}
REFUSED = {192, 193, 194, 516}
NAMES = {code: name for name, code in vars(ErrorCodes).items() if isinstance(code, int)}


class WarehouseError(Exception):
    """Something that ClickHouse, or the way to it, refused."""

    retryable = False

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class Unavailable(WarehouseError):
    """ClickHouse doesn't answer."""

    retryable = True


class TooBusy(WarehouseError):
    """ClickHouse is at one of its limits."""

    retryable = True


class QueryTimeout(WarehouseError):
    """The statement ran into its time limit."""

    retryable = True


class QueryFailed(WarehouseError):
    """The statement or its data is wrong; `code` is ClickHouse's own."""


def translate(error: DriverError | OSError | EOFError) -> WarehouseError:
    """Turn what the driver raised into one of ours; the stack trace of the server is left out."""
    if isinstance(error, ServerException):
        code = error.code or 0
        # What follows "Stack trace:" is for the server's developers, not for ours.
        message = str(error.message).split("Stack trace:")[0].strip()
        if code in TIMEOUTS:
            return QueryTimeout(
                f"ClickHouse stopped the statement at its time limit: {message}", code
            )
        if code in BUSY:
            return TooBusy(f"ClickHouse is busy, try again: {message}", code)
        if code in REFUSED:
            return QueryFailed("ClickHouse refused the user or password in its URL.", code)
        return QueryFailed(message, code)
    if isinstance(error, NetworkError | SocketTimeoutError | OSError | EOFError):
        return Unavailable("ClickHouse doesn't answer; is its process up, and its URL right?")
    return QueryFailed(str(error), getattr(error, "code", 0) or 0)


def kind_of(error: WarehouseError) -> str:
    """Say what went wrong in ClickHouse's words alone.

    Its message may quote what was sent, so that it must not be kept where others read it.
    """
    name = NAMES.get(error.code, type(error).__name__)
    return f"{name} (code {error.code} of ClickHouse)"

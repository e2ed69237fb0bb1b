"""What can go wrong in the embedded server.

EmbeddedError
├── StartupRefused     the process can't serve; the message is the one line to show
├── ProtocolViolation  the client broke the protocol and is cut off
├── ClientGone         the client closed its connection or went silent
└── QueryError         an answer to the client: ClickHouse's error code and message
"""

from __future__ import annotations

import re

NO_SUCH_COLUMN = 16
NOT_IMPLEMENTED = 48
UNKNOWN_TYPE = 50
SYNTAX_ERROR = 62
UNEXPECTED_PACKET = 101
UNKNOWN_SETTING = 115
READONLY = 164
TOO_MANY_CONNECTIONS = 202
ALREADY_RUNNING = 216
NOT_ENOUGH_SPACE = 243
AUTHENTICATION_FAILED = 516
UNKNOWN_EXCEPTION = 1002

ENGINE_TEXT = re.compile(r"Code: (\d+)\. ?(DB::Exception: .*)", re.DOTALL)


class EmbeddedError(Exception):
    """Any failure of the embedded server."""

    code = UNKNOWN_EXCEPTION
    retryable = False


class StartupRefused(EmbeddedError):
    """The server can't start; the message says what to do."""


class ProtocolViolation(EmbeddedError):
    """The client sent what the protocol doesn't allow."""

    code = UNEXPECTED_PACKET


class ClientGone(EmbeddedError):
    """The client is no longer there."""

    retryable = True


class QueryError(EmbeddedError):
    """A statement failed; `code` is ClickHouse's number for why."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = code in (TOO_MANY_CONNECTIONS, ALREADY_RUNNING, NOT_ENOUGH_SPACE)


def read_engine_error(text: str) -> QueryError:
    """Turn chDB's text, `Code: N. DB::Exception: message (NAME)`, into an error with its code."""
    found = ENGINE_TEXT.search(text)
    if not found:
        return QueryError(UNKNOWN_EXCEPTION, f"DB::Exception: {text}")
    return QueryError(int(found[1]), found[2])

"""One recorded request, whatever file it came from, and what can be wrong with such a file.

TraceError
├── TraceUnreadable    the file is absent, may not be read, or is a damaged gzip
└── TraceMalformed     a line says something that its format doesn't allow
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

MAX_TOKENS = 2**32 - 1  # what a column of token counts holds


@dataclass(frozen=True, slots=True)
class TraceRequest:
    """One request as it was recorded; `client` is '' where the trace names none.

    `arrival_s` counts from the trace's own start, in seconds.
    """

    arrival_s: float
    client: str
    input_tokens: int
    output_tokens: int


class TraceError(Exception):
    """A trace can't be used; the message is the one line to show."""

    code = "trace_unusable"
    retryable = False


class TraceUnreadable(TraceError):
    """The bytes of the file can't be had."""

    code = "trace_unreadable"

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: can't be read as a trace: {why}.")


class TraceMalformed(TraceError):
    """A line isn't in the format; the message starts with file:line."""

    code = "trace_malformed"

    def __init__(self, path: Path, line: int, why: str) -> None:
        super().__init__(f"{path}:{line}: {why}.")

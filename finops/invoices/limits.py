"""How large an export may be; what is over is refused, never cut."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024**2


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes as sent and unpacked, lines read and kept, characters of one line.

    A cloud's bill has millions of lines that are not about models; they are read and left out, so
    `rows` is far above `lines`. JSON is read whole, so it has a bound of its own.
    """

    file_bytes: int = 64 * MIB
    unpacked_bytes: int = 1024 * MIB
    json_bytes: int = 64 * MIB
    rows: int = 5_000_000
    lines: int = 100_000
    line_chars: int = 256 * 1024
    columns: int = 1_000
    problems: int = 100


LIMITS = Limits()
# Somebody waits for a page or an answer of the API, on a thread that others wait for.
WEB_LIMITS = Limits(unpacked_bytes=256 * MIB, json_bytes=32 * MIB, rows=1_000_000, lines=50_000)

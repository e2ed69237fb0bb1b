"""FOCUS rows as CSV: UTF-8, nulls empty, times in UTC, numbers with a decimal point.

Most texts of a row are those of many rows, so each is quoted once and looked up: twice as fast as
the standard library's writer, which looks at every character of every cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from operator import itemgetter

from finops.focus.account import Cell, Row
from finops.focus.columns import Version

ROWS_A_PIECE = 500
MOST_TEXTS = 100_000
END = "\r\n"


class Texts(dict[str, str]):
    """Texts as they are written, kept as long as there are not too many."""

    def __missing__(self, text: str) -> str:
        if len(self) >= MOST_TEXTS:
            self.clear()
        written = self[text] = quoted(text)
        return written


def csv_pieces(rows: Iterable[Row], version: Version) -> Iterator[str]:
    """Yield the header at once and then the rows, some hundred at a time."""
    yield ",".join(version.names) + END
    cells_of = itemgetter(*(column.cell for column in version.columns))
    texts = Texts()
    remaining = iter(rows)
    while piece := list(islice(remaining, ROWS_A_PIECE)):
        yield "".join([",".join(written(cells_of(row), texts)) + END for row in piece])


def written(cells: Iterable[Cell], texts: Texts) -> list[str]:
    return [
        "" if cell is None else texts[cell] if cell.__class__ is str else other_text(cell)
        for cell in cells
    ]


def other_text(cell: object) -> str:
    if isinstance(cell, Decimal):
        return decimal_text(cell)
    return time_text(cell) if isinstance(cell, datetime) else f"{cell}.0"


def quoted(text: str) -> str:
    """Quote a text that would end its cell (RFC 4180)."""
    if any(character in text for character in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def decimal_text(number: Decimal) -> str:
    """Plain digits with a point, never an exponent: readers take 84 for an integer, 84.0 not."""
    text = str(number)
    if "E" in text:
        text = format(number, "f")
    if "." not in text:
        return f"{text}.0"
    text = text.rstrip("0")
    return f"{text}0" if text[-1] == "." else text


@lru_cache(maxsize=4096)
def time_text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

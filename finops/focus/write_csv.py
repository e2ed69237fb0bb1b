"""FOCUS rows as CSV: UTF-8, nulls empty, times in UTC, numbers with a decimal point."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from io import StringIO
from typing import Any

from finops.focus.account import Row
from finops.focus.columns import Column, Version

ROWS_A_PIECE = 500


def csv_pieces(rows: Iterable[Row], version: Version) -> Iterator[str]:
    """Yield the header at once and then the rows, some hundred at a time."""
    buffer = StringIO()
    write = csv.writer(buffer, lineterminator="\r\n").writerow
    write(version.names)
    yield take(buffer)
    cells = [(column.cell, text_of(column)) for column in version.columns]
    for number, row in enumerate(rows, 1):
        write([None if (cell := row.get(name)) is None else text(cell) for name, text in cells])
        if number % ROWS_A_PIECE == 0:
            yield take(buffer)
    if rest := take(buffer):
        yield rest


def take(buffer: StringIO) -> str:
    piece = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return piece


def text_of(column: Column) -> Callable[[Any], str]:
    """How a cell of a column is written."""
    if column.kind == "decimal":
        return decimal_text
    return time_text if column.kind == "time" else str


def decimal_text(number: Decimal | int) -> str:
    """Plain digits with a point, never an exponent: readers take 84 for an integer, 84.0 not."""
    text = str(number)
    if "E" in text:
        text = format(number, "f")
    if "." not in text:
        return f"{text}.0"
    text = text.rstrip("0")
    return f"{text}0" if text.endswith(".") else text


@lru_cache(maxsize=4096)
def time_text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

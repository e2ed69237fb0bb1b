"""Comma-separated traces, plain or gzipped, read a row at a time."""

from __future__ import annotations

import csv
import gzip
import io
import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from finops.replay.readers.trace import MAX_TOKENS, TraceMalformed, TraceUnreadable

GZIP_MAGIC = b"\x1f\x8b"
SHOWN = 40


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table by column name; its readers raise TraceMalformed with file:line."""

    path: Path
    line: int
    cells: Mapping[str, str]

    def count(self, column: str) -> int:
        """A number of tokens."""
        text = self.cells[column]
        # isascii: int() would take other scripts' digits too
        if not (text.isascii() and text.isdigit() and int(text) <= MAX_TOKENS):
            raise self.wrong(column, f"a whole number from 0 to {MAX_TOKENS}")
        return int(text)

    def seconds(self, column: str) -> float:
        """A time since the start of the trace."""
        try:
            value = float(self.cells[column])
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value >= 0):
            raise self.wrong(column, "a number of seconds, 0 or more")
        return value

    def wrong(self, column: str, allowed: str) -> TraceMalformed:
        """The error that says what the column holds and what it may."""
        shown = self.cells[column][:SHOWN]
        return TraceMalformed(self.path, self.line, f"{column} is {shown!r}, but must be {allowed}")


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of a table that has at least these columns, in any order.

    Blank lines are skipped. Raises TraceUnreadable, and TraceMalformed also for an empty table.
    """
    try:
        with open_text(path) as text:
            yield from parse_rows(path, text, columns)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise TraceUnreadable(path, f"the gzip is damaged or cut off ({error})") from None
    except UnicodeDecodeError:
        raise TraceUnreadable(path, "it is neither UTF-8 text nor gzip of such text") from None
    except OSError as error:
        raise TraceUnreadable(path, (error.strerror or str(error)).lower()) from None


@contextmanager
def open_text(path: Path) -> Iterator[IO[str]]:
    """Lend a plain or gzipped text, told apart by its first bytes and not by its name."""
    with path.open("rb") as file:
        packed = file.peek(2)[:2] == GZIP_MAGIC
        stream = gzip.GzipFile(fileobj=file) if packed else file
        # utf-8-sig: spreadsheets put a mark in front of the first column's name
        with io.TextIOWrapper(stream, encoding="utf-8-sig", newline="") as text:
            yield text


def parse_rows(path: Path, text: IO[str], columns: Sequence[str]) -> Iterator[Row]:
    reader = csv.reader(text, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        if missing := [name for name in columns if name not in header]:
            raise TraceMalformed(
                path, 1, f"the header lacks {', '.join(missing)}; needed: {','.join(columns)}"
            )
        empty = True
        for cells in reader:
            if not cells:
                continue
            empty = False
            if len(cells) != len(header):
                raise TraceMalformed(
                    path, reader.line_num, f"{len(cells)} columns, but the header has {len(header)}"
                )
            yield Row(path, reader.line_num, dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        raise TraceMalformed(path, reader.line_num, f"not comma-separated text ({error})") from None
    if empty:
        raise TraceMalformed(path, 1, "no request follows the header")

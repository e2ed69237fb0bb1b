"""From the bytes of a CSV to its rows, a piece at a time: gzip, encoding, separator, bounds."""

from __future__ import annotations

import codecs
import csv
import io
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any, BinaryIO

from finops.invoices.errors import TooLarge, Unreadable
from finops.invoices.limits import Limits

GZIP = b"\x1f\x8b"
PIECE = 256 * 1024
SEPARATORS = ",;\t|"
BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: where it is in the file, and its cells by the names of the header."""

    line: int
    cells: Mapping[str, str]
    # What is wrong with the row as such; '' when nothing is.
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A header and the rows below it, read as they are asked for."""

    columns: list[str]
    rows: Iterator[Row] = field(repr=False)


def unpack(file: BinaryIO, limits: Limits, *, bound: int | None = None) -> Iterator[bytes]:
    """Yield the bytes of a file, unpacked where it is gzip; raises TooLarge and Unreadable.

    No piece is larger than PIECE, however well it was packed.
    """
    most = limits.unpacked_bytes if bound is None else bound
    total = 0
    for piece in pieces_of(file, limits):
        total += len(piece)
        if total > most:
            raise TooLarge(f"The export has more than {most:,} bytes: export fewer days.")
        yield piece


def pieces_of(file: BinaryIO, limits: Limits) -> Iterator[bytes]:
    head = file.read(len(GZIP))
    packed = head == GZIP
    taken, unzip = len(head), zlib.decompressobj(zlib.MAX_WBITS | 16)
    piece = head
    while piece:
        if taken > limits.file_bytes:
            raise TooLarge(f"The file has more than {limits.file_bytes:,} bytes.")
        if not packed:
            yield piece
        else:
            waiting = piece
            while waiting:
                try:
                    yield unzip.decompress(waiting, PIECE)
                except zlib.error:
                    raise Unreadable(
                        "The file begins as gzip and is broken: fetch it again."
                    ) from None
                waiting = unzip.unconsumed_tail
                if unzip.eof and (waiting := unzip.unused_data):
                    # gzip files put one behind the other are one file
                    unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
        piece = file.read(PIECE)
        taken += len(piece)
    if packed and not unzip.eof:
        raise Unreadable("The gzip file ends in its middle: fetch it again.")


def decoded(pieces: Iterable[bytes]) -> Iterator[str]:
    """Yield text: UTF-8, UTF-16 with its mark, else the Windows alphabet of spreadsheets."""
    remaining = iter(pieces)
    head = b""
    for piece in remaining:
        head += piece
        if len(head) >= PIECE:
            break
    encoding, head = encoding_of(head)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        yield decoder.decode(head)
        for piece in remaining:
            yield decoder.decode(piece)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise Unreadable(
            f"The file begins as {encoding} and has bytes that are not: save it as UTF-8."
        ) from None


def encoding_of(head: bytes) -> tuple[str, bytes]:
    for mark, name in BOMS:
        if head.startswith(mark):
            return name, head[len(mark) :]
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252", head
    return "utf-8", head


def lines_of(texts: Iterable[str], limits: Limits) -> Iterator[str]:
    """Yield lines with their ends; raises TooLarge for one that is longer than may be."""
    rest = ""
    for text in texts:
        whole, rest = cut(rest + text)
        yield from whole
        if len(rest) > limits.line_chars:
            raise TooLarge(f"A line has more than {limits.line_chars:,} characters.")
    if rest:
        yield rest


def cut(text: str) -> tuple[list[str], str]:
    lines = io.StringIO(text, newline="").readlines()
    # A carriage return at the end may be half of a line's end.
    if lines and not lines[-1].endswith("\n"):
        return lines[:-1], lines[-1]
    return lines, ""


def read_table(file: BinaryIO, limits: Limits) -> Table:
    """Read a CSV's header; its rows come as they are asked for.

    Raises Unreadable, TooLarge. A row with more cells than the header, or with none of its end, is
    a Row with a problem: the reader decides what becomes of it.
    """
    lines = lines_of(decoded(unpack(file, limits)), limits)
    first = next((line for line in lines if line.strip()), "")
    if "\x00" in first:
        raise Unreadable("This is not text: give a CSV, JSON or Parquet file.")
    separator = max(SEPARATORS, key=first.count) if first else ","
    reader = csv.reader(chain_bounded(first, lines, limits), delimiter=separator, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise Unreadable(f"The header can't be read: {error}.") from None
    if len(header) > limits.columns:
        raise TooLarge(f"The header has more than {limits.columns} columns.")
    return Table(header, rows_below(header, reader, limits))


def chain_bounded(first: str, lines: Iterator[str], limits: Limits) -> Iterator[str]:
    """The lines for csv; a quote that is never closed must not swallow the whole file."""
    yield first
    for line in lines:
        if len(line) > limits.line_chars:
            raise TooLarge(f"A line has more than {limits.line_chars:,} characters.")
        yield line


def rows_below(header: list[str], reader: Any, limits: Limits) -> Iterator[Row]:
    csv.field_size_limit(limits.line_chars)
    for number in range(limits.rows + 1):
        if number == limits.rows:
            raise TooLarge(f"The export has more than {limits.rows:,} rows: export fewer days.")
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield Row(line, {}, f"the quotes of this line don't close ({error})")
            continue
        if cells is None:
            return
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
            yield Row(line, {}, f"it has {len(cells)} cells, the header {len(header)}")
            continue
        if any("\x00" in cell for cell in cells):
            yield Row(line, {}, "it holds a NUL character")
            continue
        # A row that ends early has empty cells there.
        yield Row(line, dict(zip(header, chain(cells, repeat("")), strict=False)))

"""A block of columns on its way between the wire and chDB.

The two forms differ in one byte: on the wire (revision 54454 and later) a byte after each type
says whether the column is serialised in a special way, which the file form of Native lacks.
"""

from __future__ import annotations

from dataclasses import dataclass

from finops.clickhouse.embedded.errors import ProtocolViolation
from finops.clickhouse.embedded.stream import ByteStream, Sink, text, varint
from finops.clickhouse.embedded.walker import Column, column_of

MAX_NAME_BYTES = 1 << 16
MAX_TYPE_BYTES = 1 << 18
MAX_COLUMNS = 100_000

BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"
"""Field 1, is_overflows: no; field 2, bucket_num: -1; end."""
NO_SPECIAL_FORM = b"\x00"


Columns = list[tuple[str, str]]
"""Names and types."""


@dataclass(frozen=True, slots=True)
class Header:
    """Names and types of the columns of a block, and its rows."""

    columns: Columns
    rows: int


def read_block_info(stream: ByteStream) -> None:
    """Pass over the fields that lead a block on the wire; none matters here."""
    while field := stream.varint():
        if field not in (1, 2):
            raise ProtocolViolation(f"Field {field} of a block is unknown.")
        stream.skip(1 if field == 1 else 4)


def receive_block(stream: ByteStream, sink: Sink) -> Header:
    """Copy a block from the wire to `sink` in file form.

    The end marker has no columns and isn't copied.
    """
    return _copy(stream, sink, from_wire=True)


def wire_block(stream: ByteStream, columns: Columns | None = None) -> tuple[Header, list[bytes]]:
    """Take a block that chDB wrote in Native and turn it into the parts of one for the wire.

    With `columns`, the block says these types instead of those that chDB wrote.
    """
    parts = [BLOCK_INFO]
    header = _copy(stream, parts.append, from_wire=False, columns=columns)
    return header, parts


def wire_header(columns: Columns) -> list[bytes]:
    """The parts of a block without rows, which tells names and types."""
    parts = [BLOCK_INFO, varint(len(columns)), varint(0)]
    for name, type_name in columns:
        parts += (text(name), text(type_name), NO_SPECIAL_FORM)
    return parts


def _copy(
    stream: ByteStream, sink: Sink, *, from_wire: bool, columns: Columns | None = None
) -> Header:
    count, rows = stream.varint(), stream.varint()
    if count > MAX_COLUMNS:
        raise ProtocolViolation(f"A block of {count} columns is not allowed.")
    if not count:
        return Header([], rows)
    sink(varint(count) + varint(rows))
    seen: Columns = []
    for place in range(count):
        name, type_name = stream.text(MAX_NAME_BYTES), stream.text(MAX_TYPE_BYTES)
        if from_wire and stream.byte():
            raise ProtocolViolation(f"Column {name!r} has a serialisation that wasn't agreed on.")
        seen.append((name, columns[place][1] if columns else type_name))
        sink(text(name) + text(seen[-1][1]) + (b"" if from_wire else NO_SPECIAL_FORM))
        if rows:
            _copy_values(stream, sink, column_of(type_name), rows)
    return Header(seen, rows)


def _copy_values(stream: ByteStream, sink: Sink, column: Column, rows: int) -> None:
    stream.copy_to(sink)
    try:
        column.prefix(stream)
        column.data(stream, rows)
    finally:
        stream.copy_to(None)

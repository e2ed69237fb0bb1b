"""A block of columns on its way between the wire and chDB.

The two forms differ in one byte: on the wire (revision 54454 and later) a byte after each type
says whether the column is serialised in a special way, which the file form of Native lacks.
"""

from __future__ import annotations

from dataclasses import dataclass

from finops.clickhouse.embedded.errors import ProtocolViolation
from finops.clickhouse.embedded.stream import ByteStream, Sink, no_more, text, varint
from finops.clickhouse.embedded.walker import column_of

MAX_NAME_BYTES = 1 << 16
MAX_TYPE_BYTES = 1 << 20
MAX_COLUMNS = 100_000

BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"
"""Field 1, is_overflows: no; field 2, bucket_num: -1; end."""
NO_SPECIAL_FORM = b"\x00"


@dataclass(frozen=True, slots=True)
class Header:
    """Names and types of the columns of a block, and its rows."""

    columns: tuple[tuple[str, str], ...]
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


def wire_blocks(native: bytes) -> tuple[list[tuple[Header, bytes]], int]:
    """Turn what chDB wrote in Native into blocks for the wire, and count their rows."""
    stream = ByteStream(no_more, native)
    blocks = []
    while stream.pending_bytes:
        parts = [BLOCK_INFO]
        header = _copy(stream, parts.append, from_wire=False)
        blocks.append((header, b"".join(parts)))
    return blocks, sum(header.rows for header, _ in blocks)


def wire_header(columns: list[tuple[str, str]]) -> bytes:
    """A block without rows, which tells names and types."""
    parts = [BLOCK_INFO, varint(len(columns)), varint(0)]
    for name, type_name in columns:
        parts += (text(name), text(type_name), NO_SPECIAL_FORM)
    return b"".join(parts)


def _copy(stream: ByteStream, sink: Sink, *, from_wire: bool) -> Header:
    count, rows = stream.varint(), stream.varint()
    if count > MAX_COLUMNS:
        raise ProtocolViolation(f"A block of {count} columns is not allowed.")
    columns: list[tuple[str, str]] = []
    if not count:
        return Header((), rows)
    sink(varint(count) + varint(rows))
    stream.copy_to(sink)
    try:
        for _ in range(count):
            columns.append(_copy_head(stream, sink, from_wire=from_wire))
            if rows:
                column = column_of(columns[-1][1])
                column.prefix(stream)
                column.data(stream, rows)
    finally:
        stream.copy_to(None)
    return Header(tuple(columns), rows)


def _copy_head(stream: ByteStream, sink: Sink, *, from_wire: bool) -> tuple[str, str]:
    name, type_name = stream.text(MAX_NAME_BYTES), stream.text(MAX_TYPE_BYTES)
    if not from_wire:
        stream.copy_to(sink)
        sink(NO_SPECIAL_FORM)
    elif stream.drop_byte():
        raise ProtocolViolation(f"Column {name!r} has a serialisation that wasn't agreed on.")
    return name, type_name

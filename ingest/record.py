"""One accepted request as it lies in a segment: framed, stamped and checked.

A record is `varint(length) + body + tail`: what ClickHouse's format Protobuf calls a message.
Protobuf messages concatenate, so the tail adds fields to the request: whose it is, its receipt, how
many spans it holds, and last a CRC-32 of all that comes before it. The checksum thus travels inside
the record, in a field that ClickHouse doesn't read, and a segment needs no second file that could
disagree with it. The tail's fields have fixed widths, so it is found from the record's end.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap
from zlib import crc32

WORKSPACE_ID = 1001
RECEIPT = 1002
RECEIVED_AT_MS = 1003
SPANS = 1004
CHECKSUM = 1005

SMALL_BYTES = 64 * 1024
HELD_BYTES = 5 * 1024

FIXED64 = 1
FIXED32 = 5


def encode_varint(number: int) -> bytes:
    """Encode a non-negative number as protobuf does."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def tag(field: int, wire_type: int) -> bytes:
    return encode_varint(field << 3 | wire_type)


STAMP = struct.Struct("<2sQ2sQ2sQ2sI")
SEAL = struct.Struct("<2sI")
TAIL_BYTES = STAMP.size + SEAL.size
TAGS = (
    tag(WORKSPACE_ID, FIXED64),
    tag(RECEIPT, FIXED64),
    tag(RECEIVED_AT_MS, FIXED64),
    tag(SPANS, FIXED32),
)
SEAL_TAG = tag(CHECKSUM, FIXED32)


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the receiver adds to a request; the receipt is unique for one receiver."""

    workspace_id: int
    receipt: int
    received_at_ms: int
    spans: int


@dataclass(frozen=True, slots=True)
class Record:
    """A record found in a segment, with its place; `body` is the request without the tail."""

    offset: int
    size: int
    body: bytes
    stamp: Stamp


def encode(body: bytes, stamp: Stamp) -> bytes:
    """Frame a request for the spool."""
    stamped = STAMP.pack(
        TAGS[0],
        stamp.workspace_id,
        TAGS[1],
        stamp.receipt,
        TAGS[2],
        stamp.received_at_ms,
        TAGS[3],
        stamp.spans,
    )
    seal = SEAL.pack(SEAL_TAG, crc32(stamped, checksum(body)))
    return b"".join((encode_varint(len(body) + TAIL_BYTES), body, stamped, seal))


def checksum(body: bytes) -> int:
    """Return the CRC-32 of a body; a small one is summed without handing over the interpreter.

    zlib gives the interpreter's lock away for more than 5 KiB, and waiting for it again takes
    longer than summing a small body.
    """
    if len(body) > SMALL_BYTES:
        return crc32(body)
    total = 0
    for start in range(0, len(body), HELD_BYTES):
        total = crc32(body[start : start + HELD_BYTES], total)
    return total


def decode_varint(data: bytes | memoryview | mmap, offset: int) -> tuple[int, int] | None:
    """Return the number at `offset` and where it ends, or None when it is cut off or no varint."""
    number = 0
    for index in range(5):
        if offset + index >= len(data):
            return None
        byte = data[offset + index]
        number |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return number, offset + index + 1
    return None


def read_records(data: bytes) -> Iterator[Record]:
    """Yield the records of a segment up to the first that is cut off or damaged."""
    view = memoryview(data)
    offset = 0
    while offset < len(view):
        frame = decode_varint(view, offset)
        if frame is None:
            return
        length, start = frame
        end = start + length
        if length < TAIL_BYTES or end > len(view):
            return
        stamp = read_tail(view[start:end])
        if stamp is None:
            return
        yield Record(offset, end - offset, bytes(view[start : end - TAIL_BYTES]), stamp)
        offset = end


def read_tail(message: memoryview) -> Stamp | None:
    """Return the stamp of a message whose checksum is right, else None."""
    seal_tag, checksum = SEAL.unpack_from(message, len(message) - SEAL.size)
    if seal_tag != SEAL_TAG or crc32(message[: -SEAL.size]) != checksum:
        return None
    fields = STAMP.unpack_from(message, len(message) - TAIL_BYTES)
    return Stamp(fields[1], fields[3], fields[5], fields[7]) if fields[0::2] == TAGS else None


def sound_length(data: bytes) -> int:
    """Return how many bytes from the start are whole records; a torn tail comes after them."""
    end = 0
    for record in read_records(data):
        end = record.offset + record.size
    return end


def read_stamps(data: bytes | mmap) -> Iterator[Stamp]:
    """Yield the stamps of a segment's records, which are taken to be sound."""
    offset = 0
    while (frame := decode_varint(data, offset)) is not None:
        length, start = frame
        offset = start + length
        if length < TAIL_BYTES or offset > len(data):
            return
        fields = STAMP.unpack_from(data, offset - TAIL_BYTES)
        yield Stamp(fields[1], fields[3], fields[5], fields[7])


def tally(data: bytes | mmap) -> tuple[int, int]:
    """Return how many requests and spans a segment holds, from the stamps of its records alone."""
    requests = spans = 0
    for stamp in read_stamps(data):
        requests += 1
        spans += stamp.spans
    return requests, spans

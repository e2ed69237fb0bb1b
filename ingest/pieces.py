"""A large request cut into pieces that are parsed one after the other.

The protobuf runtime makes about 180 bytes of memory for each message, and an empty one has two
bytes on the wire: 64 MiB of empty spans, 64 KB when gzipped, would fill 6 GiB and hold the
interpreter for 20 s. Counting every message first would cost more than parsing it. But whatever a
piece holds, it becomes no more than 90 times its size: bounding the piece bounds memory and time,
for spans, attributes, events and links alike, and only bodies larger than one piece are walked.
"""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.message import DecodeError

from ingest.errors import TooLarge
from ingest.record import encode_varint

# Larger than what exporters send at once; at worst 46 MB and 0.15 s when parsed.
PIECE_BYTES = 512 * 1024
# What stands beside the spans (resource, scope) is repeated with each piece.
MAX_HEAD_BYTES = 64 * 1024
# Of a span that is larger than a piece, no field of this size is of use: it is content.
MAX_FIELD_BYTES = 64 * 1024

# Most fields that are walked: twice those of the most spans that one request may have, and room.
MAX_FIELDS = 300_000

VARINT = 0
BYTES = 2
FIXED = {1: 8, 5: 4}


class Pieces:
    """Iterates over requests that together say what `body` says; `dropped` counts what was cut.

    Raises DecodeError where the body is no protobuf, TooLarge where it can't be cut.
    """

    # The fields that are cut at each level: request > resource_spans > scope_spans > spans.
    levels: tuple[tuple[int, ...], ...] = ((1,), (2,), (2,))

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.dropped = 0
        self.walked = 0

    def __iter__(self) -> Iterator[bytes]:
        return self.cut(memoryview(self.body), 0)

    def cut(self, message: memoryview, level: int) -> Iterator[bytes]:
        """Yield messages of the same type whose fields are together those of `message`."""
        if len(message) <= PIECE_BYTES:
            yield bytes(message)
        elif level == len(self.levels):
            yield self.thin(message)
        else:
            yield from self.share_out(message, level)

    def share_out(self, message: memoryview, level: int) -> Iterator[bytes]:
        head = self.head_of(message, self.levels[level])
        share: list[bytes | memoryview] = [head]
        size = 0
        for number, start, payload, end in self.fields(message):
            if number not in self.levels[level]:
                continue
            tag = encode_varint(number << 3 | BYTES)
            if end - payload <= PIECE_BYTES:
                parts: Iterator[bytes | memoryview] = iter((message[start:end],))
            else:
                inner = self.cut(message[payload:end], level + 1)
                parts = wrap(tag, inner)
            for part in parts:
                if size and size + len(part) > PIECE_BYTES:
                    yield b"".join(share)
                    share, size = [head], 0
                share.append(part)
                size += len(part)
        yield b"".join(share)

    def thin(self, span: memoryview) -> bytes:
        """Leave out of a span the fields that are large: texts that would be dropped anyway."""
        kept = [
            span[start:end]
            for _, start, _, end in self.fields(span)
            if end - start <= MAX_FIELD_BYTES or self.drop()
        ]
        if sum(map(len, kept)) > PIECE_BYTES:
            raise TooLarge(f"A span has more than {PIECE_BYTES} bytes without its texts.")
        return b"".join(kept)

    def drop(self) -> bool:
        self.dropped += 1
        return False

    def head_of(self, message: memoryview, cut: tuple[int, ...]) -> bytes:
        """Return all fields of a message but those that are cut."""
        head = b"".join(
            message[s:e] for number, s, _, e in self.fields(message) if number not in cut
        )
        if len(head) > MAX_HEAD_BYTES:
            raise TooLarge(f"A resource or scope has more than {MAX_HEAD_BYTES} bytes.")
        return head

    def fields(self, message: memoryview) -> Iterator[tuple[int, int, int, int]]:
        """Yield number, start, start of the payload, and end of each field of a message."""
        at, size = 0, len(message)
        while at < size:
            self.walked += 1
            if self.walked > MAX_FIELDS:
                raise TooLarge("The request has too many spans or attributes; send less at once.")
            tag, payload = read_varint(message, at)
            payload, end = extent(message, payload, tag & 7)
            if end > size:
                raise DecodeError("cut off")
            yield tag >> 3, at, payload, end
            at = end


def wrap(tag: bytes, messages: Iterator[bytes]) -> Iterator[bytes]:
    """Yield messages as fields of the message that holds them."""
    for message in messages:
        yield tag + encode_varint(len(message)) + message


def extent(message: memoryview, at: int, kind: int) -> tuple[int, int]:
    """Return where the payload of a field of this wire type begins and ends."""
    if kind == BYTES:
        length, at = read_varint(message, at)
        return at, at + length
    if kind == VARINT:
        return at, read_varint(message, at)[1]
    if kind in FIXED:
        return at, at + FIXED[kind]
    raise DecodeError("a group, which OTLP has not")


def read_varint(data: memoryview, at: int) -> tuple[int, int]:
    """Return the number at `at` and where it ends."""
    number = shift = 0
    for index in range(at, min(at + 10, len(data))):
        byte = data[index]
        if byte < 0x80:
            return number | byte << shift, index + 1
        number |= (byte & 0x7F) << shift
        shift += 7
    raise DecodeError("cut off")

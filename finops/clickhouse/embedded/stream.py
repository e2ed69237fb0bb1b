"""Bytes as they arrive: the few reads that packets need, and a copy of what passes by.

Lengths come from the client and can be anything, so nothing is allocated by a length: memory
grows only with bytes that have arrived, up to the limit of the caller.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import unpack

from finops.clickhouse.embedded.errors import ClientGone, ProtocolViolation

More = Callable[[], bytes]
Sink = Callable[[bytes], object]

SHORT = 128
"""A length below this is one byte."""
MAX_VARINT_BYTES = 10
RUN = 16
"""From this many strings of one length on, a run pays for being looked for."""
BATCH = 4096


class ByteStream:
    """A position in bytes that are fetched by `more`, which raises ClientGone at their end."""

    def __init__(self, more: More, first: bytes = b"") -> None:
        self._more = more
        self._buffer = first
        self._at = 0
        self._sink: Sink | None = None
        self._mark = 0

    @property
    def pending_bytes(self) -> int:
        """How many bytes have arrived and weren't read."""
        return len(self._buffer) - self._at

    def peek(self) -> int:
        """The next byte, which has to be there."""
        return self._buffer[self._at]

    def copy_to(self, sink: Sink | None) -> None:
        """Hand every byte that is read from now on to `sink`; None stops the copy."""
        self._flush()
        self._sink = sink

    def byte(self) -> int:
        if self._at >= len(self._buffer):
            self._refill()
        value = self._buffer[self._at]
        self._at += 1
        return value

    def varint(self) -> int:
        """Read a number below 2**64, seven bits a byte, the lowest first."""
        value = 0
        for index in range(MAX_VARINT_BYTES):
            part = self.byte()
            value |= (part & 0x7F) << (7 * index)
            if part < SHORT:
                return value
        raise ProtocolViolation("A number is longer than ten bytes.")

    def uint64(self) -> int:
        return int(unpack("<Q", self.exactly(8))[0])

    def exactly(self, count: int) -> bytes:
        """Read `count` bytes."""
        end = self._at + count
        if end <= len(self._buffer):
            piece = self._buffer[self._at : end]
            self._at = end
            return piece
        parts = []
        while count:
            if self._at >= len(self._buffer):
                self._refill()
            piece = self._buffer[self._at : self._at + count]
            self._at += len(piece)
            count -= len(piece)
            parts.append(piece)
        return b"".join(parts)

    def text(self, limit: int) -> str:
        """Read a string of at most `limit` bytes."""
        length = self.varint()
        if length > limit:
            raise ProtocolViolation(f"A string of {length} bytes came where {limit} are allowed.")
        return self.exactly(length).decode("utf-8", "surrogateescape")

    def skip(self, count: int) -> None:
        """Pass over `count` bytes."""
        while count > (there := len(self._buffer) - self._at):
            count -= there
            self._at = len(self._buffer)
            self._refill()
        self._at += count

    def skip_strings(self, count: int) -> None:
        """Pass over `count` strings, each led by its length.

        Identifiers have one length and empty columns have none, so a run of equal lengths is
        found by one slice; other strings take about 60 ns each.
        """
        while count:
            if self._at >= len(self._buffer):
                self._refill()
            passed = self._skip_run(min(count, BATCH))
            if passed < RUN:
                passed += self._skip_short(min(count - passed, BATCH))
            if not passed:
                self.skip(self.varint())
                passed = 1
            count -= passed

    def _skip_run(self, count: int) -> int:
        buffer, at = self._buffer, self._at
        length = buffer[at]
        if length >= SHORT:
            return 0
        step = length + 1
        count = min(count, (len(buffer) - at) // step)
        if count < RUN or buffer[at + step] != length:
            return 0
        heads = buffer[at : at + count * step : step]
        equal = count - len(heads.lstrip(heads[:1]))
        self._at += equal * step
        return equal

    def _skip_short(self, count: int) -> int:
        buffer, at, end = self._buffer, self._at, len(self._buffer)
        passed = 0
        while passed < count and at < end:
            length = buffer[at]
            after = at + length + 1
            if length >= SHORT or after > end:
                break
            at = after
            passed += 1
        self._at = at
        return passed

    def _refill(self) -> None:
        self._flush()
        self._buffer = self._more()
        self._at = self._mark = 0
        if not self._buffer:
            raise ClientGone("The bytes ended in the middle of a packet.")

    def _flush(self) -> None:
        if self._sink and self._at > self._mark:
            self._sink(self._buffer[self._mark : self._at])
        self._mark = self._at


def no_more() -> bytes:
    """The `more` of bytes that are all there."""
    raise ClientGone("The bytes ended in the middle of a block.")


def varint(value: int) -> bytes:
    """Write a number below 2**64."""
    out = bytearray()
    while value >= SHORT:
        out.append(value & 0x7F | SHORT)
        value >>= 7
    out.append(value)
    return bytes(out)


def text(value: str) -> bytes:
    """Write a string led by its length."""
    encoded = value.encode("utf-8", "surrogateescape")
    return varint(len(encoded)) + encoded

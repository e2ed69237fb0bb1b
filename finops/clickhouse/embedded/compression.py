"""Compressed frames of the native protocol: checksum, method, sizes, bytes.

A frame is the CityHash128 of what follows (its high half first), a method byte, the size with
this 9-byte header, the size when decompressed, and the data. Answers are LZ4, as a server's are
by default.
"""

from __future__ import annotations

from struct import pack, unpack

from clickhouse_cityhash.cityhash import CityHash128
from lz4 import block as lz4

from finops.clickhouse.embedded.errors import ProtocolViolation
from finops.clickhouse.embedded.stream import ByteStream

NONE, LZ4 = 0x02, 0x82
HEADER_BYTES = 9
MAX_FRAME_BYTES = 1 << 30
"""ClickHouse's own bound for one frame."""
LZ4_MAX_RATIO = 255
FRAME_BYTES = 1 << 20


def read_frame(stream: ByteStream) -> bytes:
    """Read one frame and return its bytes decompressed."""
    high, low, method, size, whole = unpack("<QQBII", stream.exactly(16 + HEADER_BYTES))
    packed_bytes = size - HEADER_BYTES
    if not 0 <= packed_bytes <= MAX_FRAME_BYTES or not 0 < whole <= MAX_FRAME_BYTES:
        raise ProtocolViolation(f"A frame of {size} bytes for {whole} is not allowed.")
    if whole > LZ4_MAX_RATIO * packed_bytes + 64:
        raise ProtocolViolation(f"{packed_bytes} bytes can't decompress to {whole}.")
    packed = stream.exactly(packed_bytes)
    if CityHash128(pack("<BII", method, size, whole) + packed) != (high << 64 | low):
        raise ProtocolViolation("The checksum of a compressed frame doesn't match its bytes.")
    return _decompress(method, packed, whole)


def _decompress(method: int, packed: bytes, whole: int) -> bytes:
    if method == NONE and len(packed) == whole:
        return packed
    if method != LZ4:
        raise ProtocolViolation(
            f"Compression method {method:#x} isn't supported; connect with lz4 or without."
        )
    try:
        unpacked: bytes = lz4.decompress(packed, uncompressed_size=whole)
    except lz4.LZ4BlockError as error:
        raise ProtocolViolation(f"A compressed frame can't be read: {error}") from None
    if len(unpacked) != whole:
        raise ProtocolViolation(f"A frame has {len(unpacked)} bytes and claims {whole}.")
    return unpacked


def compress(block: bytes) -> bytes:
    """Compress a block into frames of at most 1 MiB each."""
    frames = []
    for start in range(0, len(block), FRAME_BYTES):
        piece = block[start : start + FRAME_BYTES]
        packed = lz4.compress(piece, store_size=False)
        head = pack("<BII", LZ4, len(packed) + HEADER_BYTES, len(piece))
        digest = CityHash128(head + packed)
        frames.append(pack("<QQ", digest >> 64, digest & (1 << 64) - 1) + head + packed)
    return b"".join(frames)

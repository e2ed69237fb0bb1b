"""Undoing a body's compression, never making more than a given number of bytes."""

from __future__ import annotations

import zlib
from io import BytesIO
from typing import Protocol

import zstandard

from ingest.errors import BadRequest, TooLarge, WrongContentType

# zlib's ways to say: a gzip header or a zlib header, with the largest window
GZIP_WINDOW = 31
ZLIB_WINDOW = 15
# The largest window that every zstd decoder must know (RFC 8878); it is memory of ours.
ZSTD_WINDOW_BYTES = 8 * 1024**2
# Few bytes of zstd can say "128 KiB of the same byte": a slice makes at most 16 MiB.
ZSTD_SLICE_BYTES = 512
# What is inflated in one go.
INFLATED_BYTES = 1024**2
# Streams in one body; each costs a copy of what follows it, and senders write one.
MAX_STREAMS = 1_000

IDENTITY = (b"", b"identity")
GZIP = (b"gzip", b"x-gzip")
DEFLATE = b"deflate"
ZSTD = b"zstd"


class Stream(Protocol):
    """One compressed stream being read, as zlib and zstandard have them."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...


def decode(body: bytes, encoding: bytes, limit: int) -> bytes:
    """Undo the Content-Encoding; raises TooLarge as soon as more than `limit` bytes come out."""
    if encoding in IDENTITY:
        return body
    try:
        if encoding in GZIP:
            return inflate(body, GZIP_WINDOW, limit)
        if encoding == ZSTD:
            return unzstd(body, limit)
        if encoding == DEFLATE:
            return inflate(body, ZLIB_WINDOW, limit)
    except (zlib.error, zstandard.ZstdError) as error:
        name = encoding.decode()
        raise BadRequest(f"The body isn't the {name} that it is said to be.") from error
    raise WrongContentType("Content-Encoding must be gzip, zstd, deflate or identity.")


def encoding_of(message: bytes) -> bytes:
    """Tell how a gRPC message is compressed, by how it begins.

    An OTLP request begins with the tag of its only field, and so with none of these bytes.
    """
    if message[:2] == b"\x1f\x8b":
        return GZIP[0]
    if message[:1] == b"\x78" and len(message) > 1 and (0x7800 | message[1]) % 31 == 0:
        return DEFLATE
    return b""


def inflate(body: bytes, window: int, limit: int) -> bytes:
    """Decompress all members; raises zlib.error, TooLarge, or BadRequest when it is cut off."""
    whole = BytesIO()  # grows without a second copy of what it holds
    room = limit
    streams = 0
    while body:
        streams = one_more(streams)
        stream = zlib.decompressobj(window)
        while body and not stream.eof:
            part = stream.decompress(body, INFLATED_BYTES)
            room = take(part, room, limit)
            whole.write(part)
            body = stream.unconsumed_tail
        body = rest_of(stream)
    return whole.getvalue()


def unzstd(body: bytes, limit: int) -> bytes:
    """Decompress all frames; raises ZstdError, TooLarge, or BadRequest when it is cut off."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES)
    parts: list[bytes] = []
    room = limit
    streams = 0
    while body:
        streams = one_more(streams)
        stream = decompressor.decompressobj()
        for start in range(0, len(body), ZSTD_SLICE_BYTES):
            part = stream.decompress(body[start : start + ZSTD_SLICE_BYTES])
            room = take(part, room, limit)
            parts.append(part)
            if stream.eof:
                body = stream.unused_data + body[start + ZSTD_SLICE_BYTES :]
                break
        else:
            body = rest_of(stream)
    return b"".join(parts)


def one_more(streams: int) -> int:
    if streams >= MAX_STREAMS:
        raise TooLarge(f"The body is compressed in more than {MAX_STREAMS} streams.")
    return streams + 1


def take(part: bytes, room: int, limit: int) -> int:
    if len(part) > room:
        raise TooLarge(f"The body decompresses to more than {limit} bytes.")
    return room - len(part)


def rest_of(stream: Stream) -> bytes:
    """Return what follows a stream that has ended; raises BadRequest when it hasn't."""
    if not stream.eof:
        raise BadRequest("The compressed body is cut off.")
    return stream.unused_data

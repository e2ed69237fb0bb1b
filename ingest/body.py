"""Reading a request's body within bounds: bytes on the wire, bytes decoded, time."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ingest.errors import BadRequest, Busy, Refused, SlowClient, TooLarge, WrongContentType

GZIP_WINDOW = 31  # zlib's way to say: a gzip header, with the largest window
READ_TIMEOUT_S = 30.0

Receive = Callable[[], Awaitable[Mapping[str, Any]]]


class ClientGone(Refused):
    """The client closed the connection before its body was whole; there is nobody to answer."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a body may have, before and after decompression."""

    body_bytes: int
    decoded_bytes: int
    read_timeout_s: float = READ_TIMEOUT_S


class Memory:
    """How much all bodies being read may hold together."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0

    def take(self, size: int) -> None:
        """Count `size` bytes in; raises Busy when that is too much."""
        if self.held + size > self.limit:
            raise Busy("Too many requests at once; send again.", 1)
        self.held += size

    def give_back(self, size: int) -> None:
        self.held -= size


async def read_body(
    receive: Receive, headers: Mapping[bytes, bytes], limits: Limits, memory: Memory
) -> bytes:
    """Read a body of known or unknown length; raises TooLarge, SlowClient, Busy or ClientGone."""
    declared = headers.get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > limits.body_bytes:
        raise TooLarge(f"The body has {int(declared)} bytes; at most {limits.body_bytes} are read.")
    try:
        async with asyncio.timeout(limits.read_timeout_s):
            return await read_chunks(receive, limits.body_bytes, memory)
    except TimeoutError:
        raise SlowClient(
            f"The body didn't arrive within {limits.read_timeout_s:g} seconds."
        ) from None


async def read_chunks(receive: Receive, limit: int, memory: Memory) -> bytes:
    chunks: list[bytes] = []
    size = 0
    try:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone("the client went away")
            chunk = message.get("body", b"")
            memory.take(len(chunk))
            size += len(chunk)
            if size > limit:
                raise TooLarge(f"The body has more than {limit} bytes.")
            chunks.append(chunk)
            if not message.get("more_body", False):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)
    finally:
        memory.give_back(size)


def decode(body: bytes, encoding: bytes, limit: int) -> bytes:
    """Undo the Content-Encoding; raises TooLarge as soon as more than `limit` bytes come out."""
    if encoding in (b"", b"identity"):
        return body
    if encoding != b"gzip":
        raise WrongContentType("Content-Encoding must be gzip or identity.")
    try:
        return gunzip(body, limit)
    except zlib.error as error:
        raise BadRequest("The body isn't the gzip that Content-Encoding says it is.") from error


def gunzip(body: bytes, limit: int) -> bytes:
    """Decompress all members; raises zlib.error, TooLarge, or BadRequest when it is cut off."""
    parts: list[bytes] = []
    room = limit
    while body:
        stream = zlib.decompressobj(GZIP_WINDOW)
        part = stream.decompress(body, room + 1)
        if len(part) > room:
            raise TooLarge(f"The body decompresses to more than {limit} bytes.")
        if not stream.eof:
            raise BadRequest("The gzip body is cut off.")
        parts.append(part)
        room -= len(part)
        body = stream.unused_data
    return b"".join(parts)

"""Reading a request's body within bounds: bytes on the wire, bytes of all together, time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from ingest.errors import BadRequest, Busy, Refused, SlowClient, TooLarge

READ_TIMEOUT_S = 30.0
ROOM_TIMEOUT_S = 10.0
# What a body of unknown length gets at first.
UNKNOWN_BYTES = 64 * 1024
# Up to this size a request goes before larger ones that wait.
SMALL_BYTES = 2 * 1024**2

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
    """How much all requests in work may hold together; who doesn't fit waits in line.

    One sender may hold no more than half of it, but for a single large request, and small requests
    don't wait behind large ones: so nobody is kept out by others' large bodies that come slowly.
    """

    def __init__(self, limit: int, timeout_s: float = ROOM_TIMEOUT_S) -> None:
        self.limit = limit
        self.timeout_s = timeout_s
        self.held = 0
        self._shares: Counter[int] = Counter()
        self._line: list[tuple[int, int, asyncio.Future[None]]] = []

    def has_room(self, size: int) -> bool:
        # One that is larger than all there is goes in alone.
        return self.held + size <= self.limit or self.held == 0

    def allows(self, size: int, sender: int) -> bool:
        """Say whether a sender may hold that much more."""
        share = self._shares[sender]
        return share == 0 or share + size <= self.limit // 2

    async def take(self, size: int, sender: int) -> None:
        """Count `size` bytes in, once they fit; raises Busy when that takes too long."""
        first = not self._line or size <= SMALL_BYTES
        if first and self.has_room(size) and self.allows(size, sender):
            self._hold(size, sender)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        place = (size, sender, turn)
        self._line.append(place)
        self._let_in()  # those before may all wait for their own
        try:
            async with asyncio.timeout(self.timeout_s):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._hold(-size, sender)
            elif place in self._line:
                self._line.remove(place)
            self._let_in()
            if isinstance(error, TimeoutError):
                raise Busy("Too many large requests at once; send again.", 1) from None
            raise

    def take_more(self, size: int, sender: int) -> None:
        """Count in more of a request that is in work already; raises Busy when it doesn't fit.

        It can't wait, since others could be waiting for what it holds.
        """
        if not self.has_room(size):
            raise Busy("Too many large requests at once; send again.", 1)
        self._hold(size, sender)

    def give_back(self, size: int, sender: int) -> None:
        self._hold(-size, sender)
        self._let_in()

    def _hold(self, size: int, sender: int) -> None:
        self.held += size
        self._shares[sender] += size
        if not self._shares[sender]:
            del self._shares[sender]

    def _let_in(self) -> None:
        """Give room to those who wait, in their order, but for senders who hold their share."""
        left: list[tuple[int, int, asyncio.Future[None]]] = []
        for place in self._line:
            size, sender, turn = place
            if turn.done():
                continue
            full = any(self.allows(other[0], other[1]) for other in left)
            if full or not (self.has_room(size) and self.allows(size, sender)):
                left.append(place)
                continue
            self._hold(size, sender)
            turn.set_result(None)
        self._line = left


class Held:
    """What one request of a sender holds of the memory, given back at the end of the block."""

    __slots__ = ("_memory", "_sender", "size")

    def __init__(self, memory: Memory, sender: int) -> None:
        self._memory = memory
        self._sender = sender
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.size:
            self._memory.give_back(self.size, self._sender)

    async def start(self, size: int) -> None:
        """Hold the first bytes, waiting until they fit; raises Busy."""
        await self._memory.take(size, self._sender)
        self.size = size

    def resize(self, size: int) -> None:
        """Hold `size` bytes, whatever was held; raises Busy when that is too much."""
        if size < self.size:
            self._memory.give_back(self.size - size, self._sender)
            self.size = size
        self.grow(size)

    def grow(self, size: int) -> None:
        """Hold at least `size` bytes; raises Busy when that is too much."""
        if size > self.size:
            self._memory.take_more(size - self.size, self._sender)
            self.size = size


async def read_body(
    receive: Receive,
    headers: Mapping[bytes, bytes],
    limits: Limits,
    held: Held,
    *,
    is_here: bool = False,
) -> bytes:
    """Read a body of known or unknown length; raises TooLarge, SlowClient, Busy or ClientGone.

    One that `is_here` already needs no clock.
    """
    await held.start(declared_length(headers, limits.body_bytes))
    if is_here:
        return await read_chunks(receive, limits.body_bytes, held)
    try:
        async with asyncio.timeout(limits.read_timeout_s):
            return await read_chunks(receive, limits.body_bytes, held)
    except TimeoutError:
        raise SlowClient(
            f"The body didn't arrive within {limits.read_timeout_s:g} seconds."
        ) from None


def declared_length(headers: Mapping[bytes, bytes], limit: int) -> int:
    declared = headers.get(b"content-length")
    if declared is None:
        return UNKNOWN_BYTES
    if not declared.isdigit():
        raise BadRequest("Content-Length is no number.")
    size = int(declared)
    if size > limit:
        raise TooLarge(f"The body has {size} bytes; at most {limit} are read.")
    return size


async def read_chunks(receive: Receive, limit: int, held: Held) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone("the client went away")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise TooLarge(f"The body has more than {limit} bytes.")
        held.grow(size)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)

"""A request's body, bounded in bytes and time, and whether its client is still there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from finops.engine.serve.errors import ClientGone, Invalid, SlowClient, TooLarge

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def read_body(
    receive: Receive, headers: Mapping[bytes, bytes], limit: int, timeout_s: float
) -> bytes:
    """The whole body; raises TooLarge, SlowClient, Invalid or ClientGone."""
    declared = headers.get(b"content-length", b"0")
    if not declared.isdigit():
        raise Invalid("Content-Length is no number.")
    if int(declared) > limit:
        raise TooLarge(f"The body has {int(declared)} bytes; at most {limit} are read.")
    try:
        async with asyncio.timeout(timeout_s):
            return await read_chunks(receive, limit)
    except TimeoutError:
        raise SlowClient(f"The body didn't arrive within {timeout_s:g} seconds.") from None


async def read_chunks(receive: Receive, limit: int) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body += message.get("body", b"")
        if len(body) > limit:
            raise TooLarge(f"The body has more than {limit} bytes.")
        if not message.get("more_body", False):
            return bytes(body)


async def disconnected(receive: Receive) -> None:
    """Return when the client has closed its connection; the body was read before."""
    while (await receive())["type"] != "http.disconnect":
        pass

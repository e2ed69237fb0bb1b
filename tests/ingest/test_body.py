"""Bodies are read and decompressed within bounds."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.body import ClientGone, Limits, Memory, decode, read_body
from ingest.errors import BadRequest, Busy, SlowClient, TooLarge, WrongContentType

MIB = 1024**2


@given(st.lists(st.binary(max_size=200), max_size=4))
def test_gzip_of_several_members_comes_out_whole(parts: list[bytes]) -> None:
    body = b"".join(gzip.compress(part) for part in parts)
    assert decode(body, b"gzip", 1000) == b"".join(parts)


def test_identity_stays_as_it_is() -> None:
    assert decode(b"abc", b"", 10) == decode(b"abc", b"identity", 10) == b"abc"


def test_a_bomb_is_stopped_before_it_goes_off() -> None:
    bomb = gzip.compress(bytes(200 * MIB))
    tracemalloc.start()
    with pytest.raises(TooLarge):
        decode(bomb, b"gzip", MIB)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * MIB


def test_a_bomb_of_many_members_is_stopped_too() -> None:
    with pytest.raises(TooLarge):
        decode(gzip.compress(bytes(MIB // 2)) * 3, b"gzip", MIB)


def test_exactly_the_limit_is_allowed() -> None:
    assert len(decode(gzip.compress(bytes(1000)), b"gzip", 1000)) == 1000


@pytest.mark.parametrize(
    "body",
    [b"no gzip", gzip.compress(b"abc")[:-5], zlib.compress(b"abc")],
    ids=["text", "cut off", "zlib"],
)
def test_broken_gzip_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        decode(body, b"gzip", 1000)


def test_other_encodings_are_refused() -> None:
    with pytest.raises(WrongContentType):
        decode(b"abc", b"br", 1000)


def read(
    *messages: Mapping[str, Any], limit: int = 100, memory: Memory | None = None, **headers: str
) -> bytes:
    waiting = list(messages)

    async def receive() -> Mapping[str, Any]:
        if not waiting:
            await asyncio.sleep(3600)
        return waiting.pop(0)

    raw = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    limits = Limits(limit, limit, read_timeout_s=0.05)
    return asyncio.run(read_body(receive, raw, limits, memory or Memory(1000)))


def chunk(body: bytes, more: bool = False) -> Mapping[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def test_chunks_are_joined() -> None:
    assert read(chunk(b"ab", True), chunk(b"", True), chunk(b"cd")) == b"abcd"


def test_a_declared_length_above_the_limit_is_refused_unread() -> None:
    with pytest.raises(TooLarge):
        read(content_length="101")


def test_chunks_above_the_limit_are_refused_whatever_was_declared() -> None:
    with pytest.raises(TooLarge):
        read(chunk(bytes(60), True), chunk(bytes(60), True), content_length="10")


def test_a_client_that_stops_sending_is_cut_off() -> None:
    with pytest.raises(SlowClient):
        read(chunk(b"ab", True))


def test_a_client_that_goes_away_is_noticed() -> None:
    with pytest.raises(ClientGone):
        read(chunk(b"ab", True), {"type": "http.disconnect"})


def test_all_bodies_together_are_bounded_and_memory_is_given_back() -> None:
    memory = Memory(50)
    with pytest.raises(Busy):
        read(chunk(bytes(30), True), chunk(bytes(30)), memory=memory)
    assert read(chunk(bytes(50)), memory=memory) == bytes(50)
    assert memory.held == 0

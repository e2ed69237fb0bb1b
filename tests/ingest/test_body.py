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

from ingest.body import UNKNOWN_BYTES, ClientGone, Held, Limits, Memory, read_body
from ingest.compression import decode
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

    async def read_within() -> bytes:
        with Held(memory or Memory(1000), 1) as held:
            return await read_body(receive, raw, limits, held)

    return asyncio.run(read_within())


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
    memory = Memory(50, timeout_s=0.01)
    memory.held = 30
    with pytest.raises(Busy):
        read(chunk(bytes(30)), memory=memory, content_length="30")
    assert memory.held == 30
    assert read(chunk(bytes(20)), memory=memory, content_length="20") == bytes(20)
    assert memory.held == 30


def test_a_body_of_unknown_length_that_outgrows_the_memory_is_refused() -> None:
    memory = Memory(UNKNOWN_BYTES + 50)
    memory.held = 10
    with pytest.raises(Busy):
        read(chunk(bytes(UNKNOWN_BYTES), True), chunk(bytes(99)), limit=10**6, memory=memory)
    assert memory.held == 10


def let_in(memory: Memory, *requests: tuple[int, int]) -> list[int]:
    """Hold requests of (sender, size) for a moment each; return in which order they got in."""
    order: list[int] = []

    async def hold(number: int, sender: int, size: int) -> None:
        with Held(memory, sender) as held:
            await held.start(size)
            order.append(number)
            await asyncio.sleep(0.01)

    async def many() -> None:
        await asyncio.gather(*(hold(number, *each) for number, each in enumerate(requests)))

    asyncio.run(many())
    assert memory.held == 0
    return order


def test_who_finds_no_room_waits_in_line_until_there_is_some(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ingest.body.SMALL_BYTES", 0)
    assert let_in(Memory(100), (1, 60), (2, 60), (3, 30), (4, 500), (5, 10)) == [0, 1, 2, 3, 4]


def test_small_requests_go_before_large_ones_that_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.body.SMALL_BYTES", 10)
    assert let_in(Memory(100), (1, 60), (2, 60), (3, 10)) == [0, 2, 1]


def test_one_sender_leaves_half_of_the_memory_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.body.SMALL_BYTES", 0)
    assert let_in(Memory(100), (1, 40), (1, 40), (2, 40)) == [0, 2, 1]


def test_who_leaves_the_line_lets_the_others_in() -> None:
    memory = Memory(100)

    async def leave() -> None:
        await memory.take(100, 1)
        first, second = (asyncio.ensure_future(memory.take(80, sender)) for sender in (2, 3))
        await asyncio.sleep(0)
        first.cancel()
        memory.give_back(100, 1)
        await second

    asyncio.run(leave())
    assert memory.held == 80

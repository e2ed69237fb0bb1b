from __future__ import annotations

import asyncio
import gc
import inspect
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any

import pytest

import inferledger
from inferledger.testing import Captured

CHUNKS: list[dict[str, Any]] = [
    {"id": "c1", "model": "gpt-4o-1", "choices": [{"delta": {"content": "a"}}], "usage": None},
    {"id": "c1", "model": "gpt-4o-1", "choices": [{"delta": {}, "finish_reason": "stop"}]},
    {
        "id": "c1",
        "model": "gpt-4o-1",
        "choices": [],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5},
    },
]


class Stream:
    """A client's stream: an iterator that can be closed and carries the response."""

    def __init__(self, chunks: list[Any]) -> None:
        self._chunks = iter(chunks)
        self.closed = False
        self.response = "the http response"

    def __iter__(self) -> Iterator[Any]:
        return self._chunks

    def __next__(self) -> Any:
        return next(self._chunks)

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def close(self) -> None:
        self.closed = True


class AsyncStream:
    def __init__(self, chunks: list[Any]) -> None:
        self._chunks = iter(chunks)
        self.closed = False

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        await asyncio.sleep(0)
        try:
            return next(self._chunks)
        except StopIteration:
            raise StopAsyncIteration from None

    async def close(self) -> None:
        self.closed = True


@inferledger.track(provider="openai", model="gpt-4o")
def generate(captured: Captured) -> Iterator[dict[str, Any]]:
    for chunk in CHUNKS:
        captured.clock.advance(ms=10)
        yield chunk


@inferledger.track(provider="openai", model="gpt-4o")
async def generate_async(captured: Captured) -> AsyncIterator[dict[str, Any]]:
    for chunk in CHUNKS:
        await asyncio.sleep(0)
        captured.clock.advance(ms=10)
        yield chunk


@inferledger.track(provider="openai", model="gpt-4o")
def returned(chunks: list[Any]) -> Stream:
    return Stream(chunks)


def test_a_generator_is_recorded_when_it_ends(inferledger_capture: Captured) -> None:
    assert list(generate(inferledger_capture)) == CHUNKS

    [call] = inferledger_capture.calls
    assert call["duration_ms"] == 30
    assert call["attributes"] == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.request.stream": True,
        "gen_ai.response.model": "gpt-4o-1",
        "gen_ai.response.id": "c1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.response.time_to_first_chunk": 0.01,
        "finops.ttft_ms": 10.0,
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "finops.usage.source": "provider",
        "finops.outcome": "ok",
        "finops.request.id": "0000000000000004",
        "finops.request.attempt": 0,
    }


def test_an_async_generator_is_recorded_the_same(inferledger_capture: Captured) -> None:
    async def collect() -> list[dict[str, Any]]:
        return [chunk async for chunk in generate_async(inferledger_capture)]

    assert asyncio.run(collect()) == CHUNKS
    [call] = inferledger_capture.calls
    assert call["duration_ms"] == 30
    assert call["attributes"]["finops.ttft_ms"] == 10.0
    assert call["attributes"]["gen_ai.usage.output_tokens"] == 5


def test_a_generator_closed_early_is_cancelled_without_usage(
    inferledger_capture: Captured,
) -> None:
    chunks = generate(inferledger_capture)
    next(chunks)
    chunks.close()  # type: ignore[attr-defined]

    attributes = inferledger_capture.calls[0]["attributes"]
    assert attributes["finops.outcome"] == "cancelled"
    assert attributes["finops.usage.source"] == "missing"
    assert "gen_ai.usage.input_tokens" not in attributes


def test_an_async_generator_closed_early_is_cancelled(inferledger_capture: Captured) -> None:
    async def leave() -> None:
        chunks = generate_async(inferledger_capture)
        await anext(chunks)
        await chunks.aclose()  # type: ignore[attr-defined]

    asyncio.run(leave())

    assert inferledger_capture.calls[0]["attributes"]["finops.outcome"] == "cancelled"


def test_leaving_after_the_finish_reason_is_no_cancellation(inferledger_capture: Captured) -> None:
    for chunk in generate(inferledger_capture):
        if chunk["choices"][0].get("finish_reason"):
            break
    gc.collect()

    assert inferledger_capture.calls[0]["attributes"]["finops.outcome"] == "ok"


def test_a_generator_that_is_never_started_is_no_call(inferledger_capture: Captured) -> None:
    generate(inferledger_capture)
    gc.collect()

    assert inferledger_capture.calls == []


def test_the_contexts_of_a_generator_are_those_of_its_call(inferledger_capture: Captured) -> None:
    with inferledger.action("stream an answer", tenant="acme"):
        chunks = generate(inferledger_capture)
    list(chunks)

    assert inferledger_capture.calls[0]["attributes"]["finops.tenant.id"] == "acme"


def test_a_stream_that_outlives_its_request_is_still_its_attempt(
    inferledger_capture: Captured,
) -> None:
    with inferledger.request("r-1"):
        chunks = generate(inferledger_capture)
        next(chunks)
    list(chunks)

    [call] = inferledger_capture.calls
    assert call["attributes"]["finops.request.id"] == "r-1"
    assert call["attributes"]["finops.outcome"] == "ok"


def test_what_is_sent_thrown_and_returned_passes_through(inferledger_capture: Captured) -> None:
    @inferledger.track(provider="p", model="m")
    def echo() -> Generator[str, str, str]:
        said = yield "ready"
        try:
            yield said.upper()
        except KeyError:
            yield "caught"
        return "done"

    talk = echo()
    assert next(talk) == "ready"
    assert talk.send("hi") == "HI"
    assert talk.throw(KeyError("k")) == "caught"
    with pytest.raises(StopIteration) as stop:
        next(talk)

    assert stop.value.value == "done"
    assert inspect.isgenerator(talk)
    assert inferledger_capture.calls[0]["attributes"]["finops.outcome"] == "ok"


def test_what_is_sent_to_an_async_generator_passes_through(inferledger_capture: Captured) -> None:
    @inferledger.track(provider="p", model="m")
    async def echo() -> Any:
        said = yield "ready"
        try:
            yield said.upper()
        except KeyError:
            yield "caught"

    async def talk() -> list[str]:
        talking = echo()
        heard = [await talking.asend(None), await talking.asend("hi")]
        return [*heard, await talking.athrow(KeyError("k"))]

    assert asyncio.run(talk()) == ["ready", "HI", "caught"]


def test_an_error_in_the_middle_of_a_stream_is_recorded(inferledger_capture: Captured) -> None:
    @inferledger.track(provider="p", model="m")
    def broken() -> Iterator[dict[str, Any]]:
        yield CHUNKS[0]
        raise TimeoutError

    with pytest.raises(TimeoutError):
        list(broken())

    attributes = inferledger_capture.calls[0]["attributes"]
    assert attributes["finops.outcome"] == "timeout"
    assert attributes["finops.ttft_ms"] == 0.0


def test_the_running_call_is_seen_inside_a_generator_and_not_between_chunks(
    inferledger_capture: Captured,
) -> None:
    @inferledger.track(provider="p", model="m")
    def ask() -> Iterator[str]:
        inferledger.current_call().describe(region="eu")
        yield "a"

    for _ in ask():
        inferledger.current_call().describe(region="us")

    assert inferledger_capture.calls[0]["attributes"]["finops.region"] == "eu"


def test_a_returned_stream_ends_the_call_when_consumed(inferledger_capture: Captured) -> None:
    stream = returned(CHUNKS)
    assert inferledger_capture.calls == []

    assert list(stream) == CHUNKS
    assert inferledger_capture.calls[0]["attributes"]["gen_ai.usage.input_tokens"] == 10


def test_a_returned_stream_passes_for_the_client_s_own(inferledger_capture: Captured) -> None:
    stream = returned(CHUNKS)

    assert isinstance(stream, Stream)
    assert stream.response == "the http response"


def test_a_returned_stream_closed_early_is_cancelled(inferledger_capture: Captured) -> None:
    with returned(CHUNKS) as stream:
        next(stream)

    assert stream.closed
    assert inferledger_capture.calls[0]["attributes"]["finops.outcome"] == "cancelled"


def test_a_returned_stream_that_is_dropped_is_cancelled(inferledger_capture: Captured) -> None:
    stream = returned(CHUNKS)
    del stream
    gc.collect()

    assert inferledger_capture.calls[0]["attributes"]["finops.outcome"] == "cancelled"


def test_a_returned_async_stream_is_recorded(inferledger_capture: Captured) -> None:
    @inferledger.track(provider="openai", model="gpt-4o")
    async def ask() -> AsyncStream:
        return AsyncStream(CHUNKS)

    async def collect() -> list[Any]:
        return [chunk async for chunk in await ask()]

    assert asyncio.run(collect()) == CHUNKS
    assert inferledger_capture.calls[0]["attributes"]["gen_ai.usage.output_tokens"] == 5


def test_a_returned_async_stream_closed_early_is_cancelled(inferledger_capture: Captured) -> None:
    @inferledger.track(provider="openai", model="gpt-4o")
    async def ask() -> AsyncStream:
        return AsyncStream(CHUNKS)

    async def leave() -> AsyncStream:
        stream = await ask()
        await anext(stream.__aiter__())
        await stream.close()
        return stream

    assert asyncio.run(leave()).closed
    assert inferledger_capture.calls[0]["attributes"]["finops.outcome"] == "cancelled"


def test_a_call_block_reads_a_stream_on_the_way(inferledger_capture: Captured) -> None:
    with inferledger.call(provider="openai", model="gpt-4o") as call:
        assert list(call.stream(Stream(CHUNKS))) == CHUNKS
        inferledger_capture.clock.advance(ms=5)

    [recorded] = inferledger_capture.calls
    assert recorded["duration_ms"] == 5
    assert recorded["attributes"]["finops.outcome"] == "ok"
    assert recorded["attributes"]["gen_ai.usage.input_tokens"] == 10


def test_a_call_block_that_leaves_its_stream_is_cancelled(inferledger_capture: Captured) -> None:
    with inferledger.call(provider="openai", model="gpt-4o") as call:
        for _ in call.stream([CHUNKS[0], CHUNKS[0]]):
            break

    assert inferledger_capture.calls[0]["attributes"]["finops.outcome"] == "cancelled"

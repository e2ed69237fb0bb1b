"""The real anthropic client against a server that answers as Anthropic documents."""

from __future__ import annotations

import asyncio
from typing import Any

import anthropic
import pytest
from provider import Provider, event_stream, json_reply

import inferledger
from inferledger.testing import Captured

PATH = "/v1/messages"
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-test",
    "content": [{"type": "text", "text": "SECRET"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 21,
        "cache_read_input_tokens": 5000,
        "cache_creation_input_tokens": 300,
        "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
        "output_tokens": 393,
        "service_tier": "priority",
    },
}
EVENTS: list[dict[str, Any]] = [
    {
        "type": "message_start",
        "message": {
            **MESSAGE,
            "content": [],
            "stop_reason": None,
            "usage": {**MESSAGE["usage"], "output_tokens": 1},  # type: ignore[dict-item]
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "SECRET"}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 393},
    },
    {"type": "message_stop"},
]
READ = {
    "gen_ai.provider.name": "anthropic",
    "gen_ai.response.model": "claude-test",
    "gen_ai.response.id": "msg_1",
    "gen_ai.response.finish_reasons": ("end_turn",),
    "gen_ai.usage.input_tokens": 5321,  # 21 + 5000 + 300
    "gen_ai.usage.cache_read.input_tokens": 5000,
    "gen_ai.usage.cache_write.input_tokens": 300,
    "finops.usage.cache_write_1h.input_tokens": 200,
    "gen_ai.usage.output_tokens": 393,
    "finops.usage.source": "provider",
    "finops.service_tier": "priority",
    "finops.outcome": "ok",
}
ASKED: dict[str, Any] = {
    "model": "claude-test",
    "max_tokens": 1000,
    "messages": [{"role": "user", "content": "SECRET"}],
}


@pytest.fixture
def client(provider: Provider) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=provider.url, api_key="k", max_retries=0, timeout=5)


def attributes(captured: Captured, number: int = 0) -> dict[str, Any]:
    assert "SECRET" not in str(captured.calls)
    return captured.calls[number]["attributes"]


def test_a_message(
    client: anthropic.Anthropic, provider: Provider, inferledger_capture: Captured
) -> None:
    provider.say(PATH, json_reply(MESSAGE))

    @inferledger.track(model="claude-test")
    def ask() -> Any:
        return client.messages.create(**ASKED)

    ask()

    assert attributes(inferledger_capture).items() >= READ.items()


def test_a_streamed_message_merges_its_start_and_its_delta(
    client: anthropic.Anthropic, provider: Provider, inferledger_capture: Captured
) -> None:
    provider.say(PATH, event_stream(EVENTS, named=True))

    @inferledger.track(model="claude-test")
    def ask() -> Any:
        return client.messages.create(**ASKED, stream=True)

    assert len(list(ask())) == len(EVENTS)
    assert attributes(inferledger_capture).items() >= READ.items()


def test_the_stream_helper_is_read_through_a_call_block(
    client: anthropic.Anthropic, provider: Provider, inferledger_capture: Captured
) -> None:
    provider.say(PATH, event_stream(EVENTS, named=True))

    with (
        inferledger.call(model="claude-test") as call,
        client.messages.stream(**ASKED) as stream,
    ):
        for _ in call.stream(stream):
            pass
        call.response(stream.get_final_message())

    assert attributes(inferledger_capture).items() >= READ.items()


def test_a_stream_left_early_is_cancelled_and_keeps_the_input_it_knows(
    client: anthropic.Anthropic, provider: Provider, inferledger_capture: Captured
) -> None:
    provider.say(PATH, event_stream(EVENTS, named=True))

    @inferledger.track(model="claude-test")
    def ask() -> Any:
        return client.messages.create(**ASKED, stream=True)

    with ask() as stream:
        next(stream)

    found = attributes(inferledger_capture)
    assert found["finops.outcome"] == "cancelled"
    assert found["gen_ai.usage.input_tokens"] == 5321


def test_the_async_client_streams_too(provider: Provider, inferledger_capture: Captured) -> None:
    provider.say(PATH, event_stream(EVENTS, named=True))

    async def main() -> None:
        client = anthropic.AsyncAnthropic(base_url=provider.url, api_key="k", max_retries=0)

        @inferledger.track(model="claude-test")
        async def ask() -> Any:
            async for event in await client.messages.create(**ASKED, stream=True):
                yield event

        assert len([event async for event in ask()]) == len(EVENTS)
        await client.close()

    asyncio.run(main())

    found = attributes(inferledger_capture)
    assert found.items() >= READ.items()
    assert found["gen_ai.request.stream"] is True


@pytest.mark.parametrize(
    ("status", "outcome", "error"),
    [
        (429, "rate_limited", "anthropic.RateLimitError"),
        (500, "error", "anthropic.InternalServerError"),
    ],
)
def test_an_error_of_the_api(
    status: int,
    outcome: str,
    error: str,
    client: anthropic.Anthropic,
    provider: Provider,
    inferledger_capture: Captured,
) -> None:
    provider.say(PATH, json_reply({"type": "error", "error": {"message": "SECRET"}}, status))

    @inferledger.track(provider="anthropic", model="claude-test")
    def ask() -> Any:
        return client.messages.create(**ASKED)

    with pytest.raises(anthropic.APIStatusError):
        ask()

    found = attributes(inferledger_capture)
    assert (found["finops.outcome"], found["error.type"]) == (outcome, error)


def test_a_timeout(provider: Provider, inferledger_capture: Captured) -> None:
    client = anthropic.Anthropic(base_url=provider.url, api_key="k", max_retries=0, timeout=0.2)
    provider.say(PATH, json_reply(MESSAGE, delay_s=30))

    @inferledger.track(provider="anthropic", model="claude-test")
    def ask() -> Any:
        return client.messages.create(**ASKED)

    with pytest.raises(anthropic.APITimeoutError):
        ask()

    assert attributes(inferledger_capture)["finops.outcome"] == "timeout"

"""The real openai client against a server that answers as OpenAI documents."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletion
from provider import Provider, event_stream, json_reply

import inferledger
from inferledger.testing import Captured

CHAT = "/v1/chat/completions"
RESPONSES = "/v1/responses"
EMBEDDINGS = "/v1/embeddings"
USAGE = {
    "prompt_tokens": 1200,
    "completion_tokens": 350,
    "total_tokens": 1550,
    "prompt_tokens_details": {"cached_tokens": 1024},
    "completion_tokens_details": {"reasoning_tokens": 200},
}
COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-2024-08-06",
    "service_tier": "default",
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "SECRET"}}
    ],
    "usage": USAGE,
}
READ = {
    "gen_ai.provider.name": "openai",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.usage.input_tokens": 1200,
    "gen_ai.usage.output_tokens": 350,
    "gen_ai.usage.cache_read.input_tokens": 1024,
    "gen_ai.usage.reasoning.output_tokens": 200,
    "finops.usage.source": "provider",
    "finops.service_tier": "default",
    "finops.outcome": "ok",
}
MESSAGES: Any = [{"role": "user", "content": "SECRET"}]


def chunk(choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o-2024-08-06",
        "service_tier": "default",
        "choices": choices,
        "usage": usage,
    }


CHUNKS = [
    chunk([{"index": 0, "delta": {"role": "assistant", "content": "SEC"}}]),
    chunk([{"index": 0, "delta": {"content": "RET"}}]),
    chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}]),
]


@pytest.fixture
def client(provider: Provider) -> openai.OpenAI:
    return openai.OpenAI(base_url=provider.url + "/v1", api_key="k", max_retries=0, timeout=5)


def attributes(captured: Captured, number: int = 0) -> dict[str, Any]:
    assert "SECRET" not in str(captured.calls)
    return captured.calls[number]["attributes"]


def test_a_chat_completion(
    client: openai.OpenAI, provider: Provider, inferledger_capture: Captured
) -> None:
    provider.say(CHAT, json_reply(COMPLETION))

    @inferledger.track(model="gpt-4o")
    def ask() -> ChatCompletion:
        return client.chat.completions.create(model="gpt-4o", messages=MESSAGES)

    assert ask().id == "chatcmpl-1"
    assert attributes(inferledger_capture).items() >= READ.items()


def test_a_streamed_completion_with_usage(
    client: openai.OpenAI, provider: Provider, inferledger_capture: Captured
) -> None:
    provider.say(CHAT, event_stream([*CHUNKS, chunk([], USAGE)], done=True))

    @inferledger.track(model="gpt-4o")
    def ask() -> openai.Stream[Any]:
        return client.chat.completions.create(
            model="gpt-4o",
            messages=MESSAGES,
            stream=True,
            stream_options={"include_usage": True},
        )

    stream = ask()
    assert isinstance(stream, openai.Stream)
    assert len(list(stream)) == 4
    found = attributes(inferledger_capture)
    assert found.items() >= {**READ, "gen_ai.request.stream": True}.items()
    assert "finops.ttft_ms" in found


def test_a_stream_without_usage_is_missing_and_never_zero(
    client: openai.OpenAI, provider: Provider, inferledger_capture: Captured
) -> None:
    provider.say(CHAT, event_stream(CHUNKS, done=True))

    @inferledger.track(model="gpt-4o")
    def ask() -> Any:
        yield from client.chat.completions.create(model="gpt-4o", messages=MESSAGES, stream=True)

    assert len(list(ask())) == 3
    found = attributes(inferledger_capture)
    assert found["finops.usage.source"] == "missing"
    assert found["finops.outcome"] == "ok"
    assert not [name for name in found if name.startswith("gen_ai.usage.")]


def test_the_responses_api_whole_and_streamed(
    client: openai.OpenAI, provider: Provider, inferledger_capture: Captured
) -> None:
    response = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "gpt-5",
        "status": "completed",
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "service_tier": "flex",
        "usage": {
            "input_tokens": 328,
            "input_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 0},
            "output_tokens": 52,
            "output_tokens_details": {"reasoning_tokens": 12},
            "total_tokens": 380,
        },
    }
    created = {**response, "status": "in_progress", "usage": None}
    events = [
        {"type": "response.created", "sequence_number": 0, "response": created},
        {
            "type": "response.output_text.delta",
            "sequence_number": 1,
            "item_id": "i",
            "output_index": 0,
            "content_index": 0,
            "delta": "SECRET",
            "logprobs": [],
        },
        {"type": "response.completed", "sequence_number": 2, "response": response},
    ]
    provider.say(RESPONSES, json_reply(response), event_stream(events, named=True))

    @inferledger.track(model="gpt-5")
    def ask(*, stream: Any) -> Any:
        return client.responses.create(model="gpt-5", input="SECRET", stream=stream)

    ask(stream=False)
    assert len(list(ask(stream=True))) == 3

    for number in (0, 1):
        found = attributes(inferledger_capture, number)
        assert found["gen_ai.response.id"] == "resp_1"
        assert found["gen_ai.response.model"] == "gpt-5"
        assert found["gen_ai.response.finish_reasons"] == ("completed",)
        assert found["finops.service_tier"] == "flex"
        assert found["gen_ai.usage.input_tokens"] == 328
        assert found["gen_ai.usage.cache_read.input_tokens"] == 100
        assert found["gen_ai.usage.output_tokens"] == 52
        assert found["gen_ai.usage.reasoning.output_tokens"] == 12


def test_embeddings(
    client: openai.OpenAI, provider: Provider, inferledger_capture: Captured
) -> None:
    body = {
        "object": "list",
        "model": "text-embedding-3-small",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
        "usage": {"prompt_tokens": 8, "total_tokens": 8},
    }
    provider.say(EMBEDDINGS, json_reply(body))

    @inferledger.track(operation="embeddings", model="text-embedding-3-small")
    def embed() -> Any:
        return client.embeddings.create(
            model="text-embedding-3-small", input="SECRET", encoding_format="float"
        )

    embed()

    found = attributes(inferledger_capture)
    assert found["gen_ai.operation.name"] == "embeddings"
    assert found["gen_ai.usage.input_tokens"] == 8
    assert "gen_ai.usage.output_tokens" not in found


def test_retries_are_attempts_of_one_request(
    provider: Provider, inferledger_capture: Captured
) -> None:
    client = openai.OpenAI(base_url=provider.url + "/v1", api_key="k", max_retries=0, timeout=2)
    broken = {"error": {"message": "SECRET"}}
    provider.say(
        CHAT,
        json_reply(broken, 429),
        json_reply(broken, 500),
        json_reply(COMPLETION, delay_s=30),
        json_reply(COMPLETION),
    )

    @inferledger.track(model="gpt-4o")
    def ask() -> ChatCompletion:
        return client.chat.completions.create(model="gpt-4o", messages=MESSAGES)

    with inferledger.request():
        for _ in range(4):
            try:
                ask()
            except openai.APIError:
                continue

    calls = [call["attributes"] for call in inferledger_capture.calls]
    assert "SECRET" not in str(calls)
    assert [call["finops.outcome"] for call in calls] == ["rate_limited", "error", "timeout", "ok"]
    assert [call.get("error.type") for call in calls] == [
        "openai.RateLimitError",
        "openai.InternalServerError",
        "openai.APITimeoutError",
        None,
    ]
    assert [call["finops.request.attempt"] for call in calls] == [0, 1, 2, 3]
    assert len({call["finops.request.id"] for call in calls}) == 1


def test_the_async_client_whole_and_streamed(
    provider: Provider, inferledger_capture: Captured
) -> None:
    provider.say(CHAT, json_reply(COMPLETION), event_stream([*CHUNKS, chunk([], USAGE)], done=True))

    async def main() -> None:
        client = openai.AsyncOpenAI(base_url=provider.url + "/v1", api_key="k", max_retries=0)

        @inferledger.track(model="gpt-4o")
        async def ask(*, stream: Any) -> Any:
            return await client.chat.completions.create(
                model="gpt-4o", messages=MESSAGES, stream=stream
            )

        await ask(stream=False)
        stream = await ask(stream=True)
        assert isinstance(stream, openai.AsyncStream)
        assert len([part async for part in stream]) == 4
        await client.close()

    asyncio.run(main())

    for number in (0, 1):
        assert attributes(inferledger_capture, number).items() >= READ.items()

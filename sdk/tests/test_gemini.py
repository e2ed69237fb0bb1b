"""The real google-genai client against a server that answers as Gemini documents."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from google import genai
from google.genai import errors, types
from provider import Provider, event_stream, json_reply

import inferledger
from inferledger.testing import Captured

WHOLE = "/v1/models/gemini-2.5-flash:generateContent"
STREAMED = "/v1/models/gemini-2.5-flash:streamGenerateContent"
USAGE = {
    "promptTokenCount": 1000,
    "cachedContentTokenCount": 600,
    "candidatesTokenCount": 80,
    "thoughtsTokenCount": 40,
    "totalTokenCount": 1120,
    "promptTokensDetails": [
        {"modality": "TEXT", "tokenCount": 900},
        {"modality": "AUDIO", "tokenCount": 100},
    ],
}
ANSWER = {
    "candidates": [
        {"content": {"role": "model", "parts": [{"text": "SECRET"}]}, "finishReason": "STOP"}
    ],
    "usageMetadata": USAGE,
    "modelVersion": "gemini-2.5-flash",
    "responseId": "resp-1",
}
CHUNKS = [
    {
        "candidates": [{"content": {"role": "model", "parts": [{"text": "SEC"}]}}],
        "usageMetadata": {"promptTokenCount": 1000, "totalTokenCount": 1000},
        "modelVersion": "gemini-2.5-flash",
        "responseId": "resp-1",
    },
    ANSWER,
]
READ = {
    "gen_ai.provider.name": "gcp.gemini",
    "gen_ai.response.model": "gemini-2.5-flash",
    "gen_ai.response.id": "resp-1",
    "gen_ai.response.finish_reasons": ("STOP",),
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.cache_read.input_tokens": 600,
    "gen_ai.usage.audio.input_tokens": 100,
    "gen_ai.usage.output_tokens": 120,  # 80 + 40 thoughts
    "gen_ai.usage.reasoning.output_tokens": 40,
    "finops.usage.source": "provider",
    "finops.outcome": "ok",
}
MODEL = "gemini-2.5-flash"


def connect(provider: Provider, timeout_ms: int = 5000) -> genai.Client:
    options = types.HttpOptions(base_url=provider.url, api_version="v1", timeout=timeout_ms)
    return genai.Client(api_key="k", http_options=options)


def attributes(captured: Captured) -> dict[str, Any]:
    assert "SECRET" not in str(captured.calls)
    return captured.calls[0]["attributes"]


def test_an_answer(provider: Provider, inferledger_capture: Captured) -> None:
    provider.say(WHOLE, json_reply(ANSWER))
    client = connect(provider)

    @inferledger.track(model=MODEL)
    def ask() -> Any:
        return client.models.generate_content(model=MODEL, contents="SECRET")

    ask()

    assert attributes(inferledger_capture).items() >= READ.items()


def test_a_streamed_answer_counts_the_last_chunk(
    provider: Provider, inferledger_capture: Captured
) -> None:
    provider.say(STREAMED, event_stream(CHUNKS))
    client = connect(provider)

    @inferledger.track(model=MODEL)
    def ask() -> Any:
        return client.models.generate_content_stream(model=MODEL, contents="SECRET")

    assert len(list(ask())) == 2
    assert attributes(inferledger_capture).items() >= READ.items()


def test_the_async_client_streams_too(provider: Provider, inferledger_capture: Captured) -> None:
    provider.say(STREAMED, event_stream(CHUNKS))

    async def main() -> None:
        client = connect(provider)

        @inferledger.track(model=MODEL)
        async def ask() -> Any:
            return await client.aio.models.generate_content_stream(model=MODEL, contents="SECRET")

        assert len([part async for part in await ask()]) == 2

    asyncio.run(main())

    assert attributes(inferledger_capture).items() >= READ.items()


@pytest.mark.parametrize(
    ("status", "outcome", "error"),
    [
        (429, "rate_limited", "google.genai.errors.ClientError"),
        (500, "error", "google.genai.errors.ServerError"),
    ],
)
def test_an_error_of_the_api(
    status: int, outcome: str, error: str, provider: Provider, inferledger_capture: Captured
) -> None:
    body = {"error": {"code": status, "message": "SECRET", "status": "X"}}
    provider.say(WHOLE, *[json_reply(body, status)] * 10)
    client = connect(provider)

    @inferledger.track(provider="gcp.gemini", model=MODEL)
    def ask() -> Any:
        return client.models.generate_content(model=MODEL, contents="SECRET")

    with pytest.raises(errors.APIError):
        ask()

    found = attributes(inferledger_capture)
    assert (found["finops.outcome"], found["error.type"]) == (outcome, error)


def test_a_timeout(provider: Provider, inferledger_capture: Captured) -> None:
    provider.say(WHOLE, *[json_reply(ANSWER, delay_s=30)] * 10)
    client = connect(provider, timeout_ms=200)

    @inferledger.track(provider="gcp.gemini", model=MODEL)
    def ask() -> Any:
        return client.models.generate_content(model=MODEL, contents="SECRET")

    with pytest.raises(Exception, match=r"(?i)timed out"):
        ask()

    assert attributes(inferledger_capture)["finops.outcome"] == "timeout"

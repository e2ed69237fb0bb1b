"""Gemini's generateContent, plain and streamed: thoughts are beside the candidates' tokens."""

from __future__ import annotations

import re
from typing import Any

from tests.recordings.provider import Answer, Exchange, Usage, served, sse
from tests.recordings.provider_openai import Object


def usage_of(exchange: Exchange) -> Object:
    usage = exchange.usage
    text = usage.all_input - (usage.audio_in or 0) - (usage.image_in or 0)
    found: Object = {
        "promptTokenCount": usage.all_input,
        "candidatesTokenCount": (usage.output or 0) + (usage.audio_out or 0),
        "totalTokenCount": usage.all_input + usage.all_output,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": text}],
    }
    for modality, count in (("AUDIO", usage.audio_in), ("IMAGE", usage.image_in)):
        if count:
            found["promptTokensDetails"].append({"modality": modality, "tokenCount": count})
    if usage.cache_read:
        found["cachedContentTokenCount"] = usage.cache_read
        cached = {"modality": "TEXT", "tokenCount": usage.cache_read}
        found["cacheTokensDetails"] = [cached]
    if usage.reasoning:
        found["thoughtsTokenCount"] = usage.reasoning
    if usage.audio_out:
        found["candidatesTokensDetails"] = [
            {"modality": "TEXT", "tokenCount": usage.output},
            {"modality": "AUDIO", "tokenCount": usage.audio_out},
        ]
    if exchange.tier:
        found["trafficType"] = exchange.tier.upper()
    return found


def parts_of(exchange: Exchange) -> list[Object]:
    if not exchange.asks_tool:
        return [{"text": exchange.answer}]
    tools = exchange.body.get("tools") or [{}]
    declared = tools[0].get("functionDeclarations") or [{"name": "get_weather"}]
    schema = declared[0].get("parameters") or declared[0].get("parametersJsonSchema") or {}
    names = list(schema.get("properties") or {}) or ["city"]
    args = dict.fromkeys(names, "SECRET-ANSWER Paris")
    return [{"functionCall": {"name": declared[0]["name"], "args": args}}]


def generate(exchange: Exchange) -> Answer:
    found = re.search(r"/models/([^/:]+):(\w+)$", exchange.path)
    assert found is not None
    asked, verb = found.groups()
    answer = Answer(served(asked), exchange.token, asked)
    answer.headers["x-provider"] = "gemini"
    common = {"modelVersion": answer.model, "responseId": answer.response_id}
    candidate: Object = {
        "content": {"role": "model", "parts": parts_of(exchange)},
        "finishReason": "STOP",
        "index": 0,
    }
    whole = {"candidates": [candidate], "usageMetadata": usage_of(exchange), **common}
    if verb == "generateContent":
        answer.body = whole
        return answer
    # Each chunk repeats the usage so far; only the last has it all.
    early: Object = {
        "candidates": [{"content": {"role": "model", "parts": [{"text": "SECRET-ANSWER "}]}}],
        "usageMetadata": {"promptTokenCount": exchange.usage.all_input, "totalTokenCount": 1},
        **common,
    }
    answer.chunks, answer.content_type = sse([("", early), ("", whole)]), "text/event-stream"
    return answer


def embed(exchange: Exchange) -> Answer:
    found = re.search(r"/models/([^/:]+):", exchange.path)
    assert found is not None
    answer = Answer(found[1], "", found[1], usage=Usage())
    answer.headers["x-provider"] = "gemini"
    answer.body = {"embeddings": [{"values": [0.25, 0.5]}], "embedding": {"values": [0.25, 0.5]}}
    return answer


def count_tokens(exchange: Exchange) -> Answer:
    answer = Answer("", "", usage=Usage())
    answer.body = {"totalTokens": exchange.usage.input}
    return answer


ROUTES: tuple[tuple[str, Any], ...] = (
    (r"/models/[^/:]+:(generateContent|streamGenerateContent)$", generate),
    (r"/models/[^/:]+:(embedContent|batchEmbedContents)$", embed),
    (r"/models/[^/:]+:countTokens$", count_tokens),
)

"""Cohere's chat of both versions, embeddings and rerank: billed units beside counted tokens."""

from __future__ import annotations

from typing import Any

from tests.recordings.provider import Answer, Exchange, Usage, sse
from tests.recordings.provider_openai import Object


def usage_of(exchange: Exchange) -> Object:
    usage = exchange.usage
    counts = {"input_tokens": usage.all_input, "output_tokens": usage.all_output}
    found: Object = {"billed_units": counts, "tokens": counts}
    if usage.cache_read:
        found["cached_tokens"] = usage.cache_read
    return found


def chat(exchange: Exchange) -> Answer:
    asked = str(exchange.body.get("model"))
    # Cohere answers with an id, never with the name of the model.
    answer = Answer(asked, f"{exchange.token}-c0he", asked)
    answer.headers["x-provider"] = "cohere"
    message: Object = {
        "role": "assistant",
        "content": [{"type": "text", "text": exchange.answer}],
    }
    reason = "COMPLETE"
    if exchange.asks_tool:
        call = {"name": "get_weather", "arguments": '{"city": "SECRET-ANSWER Paris"}'}
        found = {"id": f"get_weather_{exchange.token}", "type": "function", "function": call}
        message = {"role": "assistant", "tool_plan": "SECRET-ANSWER", "tool_calls": [found]}
        reason = "TOOL_CALL"
    if not exchange.body.get("stream"):
        answer.body = {
            "id": answer.response_id,
            "message": message,
            "finish_reason": reason,
            "usage": usage_of(exchange),
        }
        return answer
    text = {"type": "text", "text": ""}
    parts = [part for part in exchange.answer.partition(" ") if part]
    steps: list[Object] = [
        {
            "type": "message-start",
            "id": answer.response_id,
            "delta": {"message": {"role": "assistant", "content": [], "tool_calls": []}},
        },
        {"type": "content-start", "index": 0, "delta": {"message": {"content": text}}},
        *(
            {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": part}}}}
            for part in parts
        ),
        {"type": "content-end", "index": 0},
        {
            "type": "message-end",
            "id": answer.response_id,
            "delta": {"finish_reason": reason, "usage": usage_of(exchange)},
        },
    ]
    answer.chunks = sse([(step["type"], step) for step in steps], done=True)
    answer.content_type = "text/event-stream"
    return answer


def embed(exchange: Exchange) -> Answer:
    asked = str(exchange.body.get("model"))
    usage = Usage(input=exchange.usage.input)
    answer = Answer(asked, f"{exchange.token}-emb", asked, usage=usage)
    answer.headers["x-provider"] = "cohere"
    texts = exchange.body.get("texts") or ["SECRET-PROMPT"]
    answer.body = {
        "id": answer.response_id,
        "embeddings": {"float": [[0.25, 0.5] for _ in texts]},
        "texts": texts,
        "response_type": "embeddings_by_type",
        "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": usage.input}},
    }
    return answer


def rerank(exchange: Exchange) -> Answer:
    asked = str(exchange.body.get("model"))
    answer = Answer(asked, f"{exchange.token}-rr", asked, usage=Usage())
    answer.headers["x-provider"] = "cohere"
    answer.body = {
        "id": answer.response_id,
        "results": [{"index": 0, "relevance_score": 0.9}],
        "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
    }
    return answer


ROUTES: tuple[tuple[str, Any], ...] = (
    (r"^/v[12]/chat$", chat),
    (r"^/v[12]/embed$", embed),
    (r"^/v[12]/rerank$", rerank),
)

"""Ollama's chat, generate and embed: counts of evaluated tokens, lines of JSON as a stream."""

from __future__ import annotations

import json
from typing import Any

from tests.recordings.provider import Answer, Exchange, Usage
from tests.recordings.provider_openai import Object

NDJSON = "application/x-ndjson"


def counted(exchange: Exchange, usage: Usage) -> Object:
    return {
        "done": True,
        "done_reason": "stop",
        "total_duration": 90_000_000,
        "load_duration": 1_000_000,
        "prompt_eval_count": usage.all_input,
        "prompt_eval_duration": 20_000_000,
        "eval_count": usage.all_output,
        "eval_duration": 60_000_000,
    }


def answer_for(exchange: Exchange) -> Answer:
    # What is asked for is what serves, and an answer has no id.
    asked = str(exchange.body.get("model"))
    answer = Answer(asked, "", asked)
    answer.headers["x-provider"] = "ollama"
    return answer


def talk(exchange: Exchange) -> Answer:
    answer = answer_for(exchange)
    common = {"model": answer.model, "created_at": "2026-11-03T10:00:00.000000Z"}

    def piece(text: str) -> Object:
        if exchange.path.endswith("generate"):
            return {**common, "response": text, "done": False}
        message: Object = {"role": "assistant", "content": text}
        if exchange.asks_tool:
            call = {"name": "get_weather", "arguments": {"city": "SECRET-ANSWER Paris"}}
            message = {"role": "assistant", "content": "", "tool_calls": [{"function": call}]}
        return {**common, "message": message, "done": False}

    if exchange.body.get("stream") is False:
        answer.body = {**piece(exchange.answer), **counted(exchange, exchange.usage)}
        return answer
    lines = [piece(part) for part in exchange.answer.partition(" ") if part]
    lines.append({**piece(""), **counted(exchange, exchange.usage)})
    answer.chunks = [json.dumps(line).encode() + b"\n" for line in lines]
    answer.content_type = NDJSON
    return answer


def embed(exchange: Exchange) -> Answer:
    answer = answer_for(exchange)
    answer.usage = Usage(input=exchange.usage.input)
    answer.body = {
        "model": answer.model,
        "embeddings": [[0.25, 0.5]],
        "prompt_eval_count": exchange.usage.input,
    }
    return answer


ROUTES: tuple[tuple[str, Any], ...] = (
    (r"^/api/(chat|generate)$", talk),
    (r"^/api/embed$", embed),
)

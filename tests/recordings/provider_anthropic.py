"""Anthropic's messages: input excludes what the cache gave and took, output includes thinking."""

from __future__ import annotations

from typing import Any

from tests.recordings.provider import Answer, Exchange, served, sse
from tests.recordings.provider_openai import Object


def usage_of(exchange: Exchange) -> Object:
    usage = exchange.usage
    found: Object = {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read or 0,
        "output_tokens": usage.all_output,
        "service_tier": exchange.tier or "standard",
    }
    if not exchange.bare:
        found["cache_creation"] = {
            "ephemeral_5m_input_tokens": usage.cache_write_5m or 0,
            "ephemeral_1h_input_tokens": usage.cache_write_1h or 0,
        }
    return found


def content_of(exchange: Exchange) -> list[Object]:
    content: list[Object] = []
    if "reasoning" in exchange.words:
        thought = {"type": "thinking", "thinking": "SECRET-ANSWER hm", "signature": "c2ln"}
        content.append(thought)
    if not exchange.asks_tool:
        return [*content, {"type": "text", "text": exchange.answer}]
    tools = exchange.body.get("tools") or [{"name": "get_weather", "input_schema": {}}]
    schema = tools[0].get("input_schema") or {}
    names = schema.get("required") or list(schema.get("properties") or {}) or ["city"]
    call = {
        "type": "tool_use",
        "id": f"toolu_{exchange.token[:12]}",
        "name": tools[0]["name"],
        "input": dict.fromkeys(names, "SECRET-ANSWER Paris"),
    }
    return [*content, call]


def messages(exchange: Exchange) -> Answer:
    # Anthropic doesn't tell thinking apart from the rest of the output.
    usage = exchange.usage
    if usage.reasoning:
        usage.output, usage.reasoning = (usage.output or 0) + usage.reasoning, None
    asked = str(exchange.body.get("model"))
    answer = Answer(served(asked), f"msg_{exchange.token}", asked)
    answer.headers["x-provider"] = "anthropic"
    answer.headers["request-id"] = f"req_{exchange.token}"
    answer.service_tier = exchange.tier or "standard"
    reason = "tool_use" if exchange.asks_tool else "end_turn"
    message: Object = {
        "id": answer.response_id,
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": content_of(exchange),
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": usage_of(exchange),
    }
    if not exchange.body.get("stream"):
        answer.body = message
        return answer
    answer.chunks = sse(stream(message, usage_of(exchange)))
    answer.content_type = "text/event-stream"
    return answer


def stream(message: Object, usage: Object) -> list[tuple[str, Any]]:
    """Only message_start tells how long what was written is kept; the end has the final output."""
    opened = {**message, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    steps: list[Object] = [{"type": "message_start", "message": opened}, {"type": "ping"}]
    for index, block in enumerate(message["content"]):
        deltas: list[Object]
        empty: Object
        if block["type"] == "text":
            empty = {"type": "text", "text": ""}
            deltas = [
                {"type": "text_delta", "text": part}
                for part in block["text"].partition(" ")
                if part
            ]
        elif block["type"] == "thinking":
            empty = {"type": "thinking", "thinking": "", "signature": ""}
            deltas = [
                {"type": "thinking_delta", "thinking": block["thinking"]},
                {"type": "signature_delta", "signature": block["signature"]},
            ]
        else:
            empty = {**block, "input": {}}
            text = str(block["input"]).replace("'", '"')
            deltas = [{"type": "input_json_delta", "partial_json": text}]
        steps.append({"type": "content_block_start", "index": index, "content_block": empty})
        steps += [
            {"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas
        ]
        steps.append({"type": "content_block_stop", "index": index})
    last = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    # Today's API repeats all counts at the end; before it told nothing but the output there.
    told = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    final = {"output_tokens": usage["output_tokens"]}
    if "cache_creation" in usage:
        final |= {name: usage[name] for name in told}
    steps.append({"type": "message_delta", "delta": last, "usage": final})
    steps.append({"type": "message_stop"})
    return [(step["type"], step) for step in steps]


ROUTES = ((r"/v1/messages$", messages),)

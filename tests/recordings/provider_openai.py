"""OpenAI's chat completions, responses and embeddings, and all who speak like it."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.recordings.provider import Answer, Exchange, Usage, served, sse

Object = dict[str, Any]


def chat_usage(exchange: Exchange) -> Object:
    usage = exchange.usage
    found: Object = {
        "prompt_tokens": usage.all_input,
        "completion_tokens": usage.all_output,
        "total_tokens": usage.all_input + usage.all_output,
    }
    if not exchange.bare:
        cached, audio = usage.cache_read or 0, usage.audio_in or 0
        found["prompt_tokens_details"] = {"cached_tokens": cached, "audio_tokens": audio}
        if usage.cache_write_5m:
            found["prompt_tokens_details"]["cache_write_tokens"] = usage.cache_write_5m
        if usage.image_in:
            found["prompt_tokens_details"]["image_tokens"] = usage.image_in
        found["completion_tokens_details"] = {
            "reasoning_tokens": usage.reasoning or 0,
            "audio_tokens": usage.audio_out or 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        }
    return found


def first_tool(body: Object) -> str:
    for tool in body.get("tools") or ():
        name = (tool.get("function") or tool).get("name")
        if name:
            return str(name)
    return "get_weather"


def arguments_of(body: Object) -> str:
    """Arguments for the first tool: a text with the marker for each that it requires."""
    for tool in body.get("tools") or ():
        schema = (tool.get("function") or tool).get("parameters") or {}
        names = schema.get("required") or list(schema.get("properties") or {})
        return json.dumps(dict.fromkeys(names, "SECRET-ANSWER Paris"))
    return json.dumps({"city": "SECRET-ANSWER Paris"})


def chat(exchange: Exchange) -> Answer:
    body = exchange.body
    asked = str(body.get("model") or exchange.path.split("/")[-3])
    answer = Answer(served(asked), f"chatcmpl-{exchange.token}", asked)
    answer.headers["x-provider"] = "openai"
    answer.service_tier = exchange.tier
    common = {"id": answer.response_id, "created": int(time.time()), "model": answer.model}
    if exchange.tier:
        common["service_tier"] = exchange.tier
    common["system_fingerprint"] = "fp_44709d6fcb"
    call = {
        "id": f"call_{exchange.token[:12]}",
        "type": "function",
        "function": {"name": first_tool(body), "arguments": arguments_of(body)},
    }
    message: Object = {"role": "assistant", "content": exchange.answer, "refusal": None}
    if exchange.asks_tool:
        message |= {"content": None, "tool_calls": [call]}
    finish = "tool_calls" if exchange.asks_tool else "stop"
    if not body.get("stream"):
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
        answer.body = {**common, "object": "chat.completion", "choices": [choice]}
        if "no-usage" not in exchange.words:
            answer.body["usage"] = chat_usage(exchange)
        return answer
    common["object"] = "chat.completion.chunk"
    deltas: list[Object] = [{"role": "assistant", "content": "", "refusal": None}]
    if exchange.asks_tool:
        deltas.append({"tool_calls": [{"index": 0, **call}]})
    else:
        deltas += [{"content": part} for part in exchange.answer.partition(" ") if part]
    events: list[tuple[str, Any]] = [
        ("", {**common, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        for delta in deltas
    ]
    events.append(("", {**common, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}))
    if "no-usage" not in exchange.words:
        tell_usage(exchange, events, common)
    answer.chunks, answer.content_type = sse(events, done=True), "text/event-stream"
    return answer


def tell_usage(exchange: Exchange, events: list[tuple[str, Any]], common: Object) -> None:
    """Add the usage to a stream: where it was asked for, and as these providers do unasked."""
    if exchange.provider == "groq":
        events[-1][1]["x_groq"] = {"id": exchange.token, "usage": chat_usage(exchange)}
    asked = (exchange.body.get("stream_options") or {}).get("include_usage")
    if asked or exchange.provider == "mistral":
        events.append(("", {**common, "choices": [], "usage": chat_usage(exchange)}))


def responses(exchange: Exchange) -> Answer:
    body, usage = exchange.body, exchange.usage
    asked = str(body.get("model"))
    answer = Answer(served(asked), f"resp_{exchange.token}", asked)
    answer.headers["x-provider"] = "openai"
    answer.service_tier = exchange.tier or "default"
    item: Object = {
        "id": f"msg_{exchange.token}",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": exchange.answer, "annotations": []}],
    }
    if exchange.asks_tool:
        item = {
            "id": f"fc_{exchange.token}",
            "type": "function_call",
            "status": "completed",
            "call_id": f"call_{exchange.token[:12]}",
            "name": first_tool(body),
            "arguments": arguments_of(body),
        }
    done: Object = {
        "id": answer.response_id,
        "object": "response",
        "created_at": int(time.time()),
        "status": "completed",
        "model": answer.model,
        "output": [item],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": body.get("tools") or [],
        "instructions": body.get("instructions"),
        "error": None,
        "incomplete_details": None,
        "metadata": {},
        "temperature": 1.0,
        "top_p": 1.0,
        "service_tier": exchange.tier or "default",
        "usage": {
            "input_tokens": usage.all_input,
            "input_tokens_details": {
                "cached_tokens": usage.cache_read or 0,
                "cache_write_tokens": usage.cache_write_5m or 0,
            },
            "output_tokens": usage.all_output,
            "output_tokens_details": {"reasoning_tokens": usage.reasoning or 0},
            "total_tokens": usage.all_input + usage.all_output,
        },
    }
    if not body.get("stream"):
        answer.body = done
        return answer
    answer.chunks = sse(stream_response(exchange, done, item))
    answer.content_type = "text/event-stream"
    return answer


def stream_response(exchange: Exchange, done: Object, item: Object) -> list[tuple[str, Any]]:
    started = {**done, "status": "in_progress", "output": [], "usage": None}
    place: Object = {"item_id": item["id"], "output_index": 0}
    steps: list[Object] = [
        {"type": "response.created", "response": started},
        {"type": "response.in_progress", "response": started},
    ]
    if item["type"] == "function_call":
        opened = {**item, "arguments": "", "status": "in_progress"}
        steps += [
            {"type": "response.output_item.added", "output_index": 0, "item": opened},
            {
                "type": "response.function_call_arguments.delta",
                **place,
                "delta": item["arguments"],
            },
            {
                "type": "response.function_call_arguments.done",
                **place,
                "arguments": item["arguments"],
                "name": item["name"],
            },
        ]
    else:
        opened = {**item, "content": [], "status": "in_progress"}
        part = item["content"][0]
        at = {**place, "content_index": 0}
        steps += [
            {"type": "response.output_item.added", "output_index": 0, "item": opened},
            {"type": "response.content_part.added", **at, "part": {**part, "text": ""}},
            {"type": "response.output_text.delta", **at, "delta": part["text"], "logprobs": []},
            {"type": "response.output_text.done", **at, "text": part["text"], "logprobs": []},
            {"type": "response.content_part.done", **at, "part": part},
        ]
    steps.append({"type": "response.output_item.done", "output_index": 0, "item": item})
    steps.append({"type": "response.completed", "response": done})
    return [
        (str(step["type"]), {**step, "sequence_number": number})
        for number, step in enumerate(steps)
    ]


def embeddings(exchange: Exchange) -> Answer:
    asked = str(exchange.body.get("model"))
    # Embeddings have no id and no output.
    answer = Answer(served(asked), "", asked, usage=Usage(input=exchange.usage.input))
    answer.headers["x-provider"] = "openai"
    given = exchange.body.get("input")
    count = len(given) if isinstance(given, list) and given and isinstance(given[0], str) else 1
    vector: Any = [0.25, 0.5, -0.125]
    if exchange.body.get("encoding_format") == "base64":
        vector = "AACAPgAAAD8AAAC+"
    answer.body = {
        "object": "list",
        "data": [{"object": "embedding", "index": n, "embedding": vector} for n in range(count)],
        "model": answer.model,
        "usage": {"prompt_tokens": exchange.usage.input, "total_tokens": exchange.usage.input},
    }
    if exchange.provider == "mistral":
        answer.response_id = answer.body["id"] = f"embd-{exchange.token}"
    return answer


ROUTES = (
    (r"/chat/completions$", chat),
    (r"/responses$", responses),
    (r"/embeddings$", embeddings),
)

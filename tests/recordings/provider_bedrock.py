"""Bedrock's converse and invoke, plain and streamed: input excludes what the cache had."""

from __future__ import annotations

import base64
import json
import re
import struct
import zlib
from typing import Any
from urllib.parse import unquote

from tests.recordings.provider import Answer, Exchange, Usage
from tests.recordings.provider_anthropic import messages
from tests.recordings.provider_openai import Object

MODEL = re.compile(r"/model/([^/]+)/([a-z-]+)$")
BARE = re.compile(r"^.*anthropic\.|-v\d+:\d+$")
STREAM = "application/vnd.amazon.eventstream"


def event(name: str, data: Object) -> bytes:
    """One message of an event stream: lengths, headers, payload, checksums."""
    headers = b""
    for key, value in (
        (":event-type", name),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ):
        headers += bytes([len(key)]) + key.encode() + b"\x07"
        headers += struct.pack(">H", len(value)) + value.encode()
    payload = json.dumps(data).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return message + struct.pack(">I", zlib.crc32(message))


def asked_of(exchange: Exchange) -> tuple[str, str]:
    found = MODEL.search(unquote(exchange.path))
    assert found is not None
    return found[1], found[2]


def one_output(usage: Usage) -> None:
    """Bedrock doesn't tell thinking apart from the rest of the output."""
    if usage.reasoning:
        usage.output, usage.reasoning = (usage.output or 0) + usage.reasoning, None


def usage_of(usage: Usage) -> Object:
    found: Object = {
        "inputTokens": usage.input,
        "outputTokens": usage.output,
        "totalTokens": usage.all_input + usage.all_output,
    }
    if usage.cache_read is not None or usage.cache_write:
        found |= {
            "cacheReadInputTokens": usage.cache_read or 0,
            "cacheWriteInputTokens": usage.cache_write,
        }
    return found


def converse(exchange: Exchange) -> Answer:
    asked, verb = asked_of(exchange)
    usage = exchange.usage
    one_output(usage)
    # The body names neither the model that served nor the answer: the bill can't either.
    answer = Answer(asked, "", asked)
    answer.headers |= {"x-provider": "bedrock", "x-amzn-RequestId": exchange.token}
    block: Object = {"text": exchange.answer}
    reason = "end_turn"
    if exchange.asks_tool:
        tools = (exchange.body.get("toolConfig") or {}).get("tools") or [{}]
        name = (tools[0].get("toolSpec") or {}).get("name", "get_weather")
        given = {"city": "SECRET-ANSWER Paris"}
        block = {
            "toolUse": {"toolUseId": f"tooluse_{exchange.token}", "name": name, "input": given}
        }
        reason = "tool_use"
    if verb == "converse":
        answer.body = {
            "output": {"message": {"role": "assistant", "content": [block]}},
            "stopReason": reason,
            "usage": usage_of(usage),
            "metrics": {"latencyMs": 21},
        }
        return answer
    delta = {"text": block["text"]} if "text" in block else None
    chunks = [event("messageStart", {"role": "assistant"})]
    if delta:
        chunks.append(event("contentBlockDelta", {"contentBlockIndex": 0, "delta": delta}))
    else:
        tool = {key: block["toolUse"][key] for key in ("toolUseId", "name")}
        start: Object = {"contentBlockIndex": 0, "start": {"toolUse": tool}}
        made: Object = {"toolUse": {"input": json.dumps(block["toolUse"]["input"])}}
        chunks.append(event("contentBlockStart", start))
        chunks.append(event("contentBlockDelta", {"contentBlockIndex": 0, "delta": made}))
    chunks += [
        event("contentBlockStop", {"contentBlockIndex": 0}),
        event("messageStop", {"stopReason": reason}),
        event("metadata", {"usage": usage_of(usage), "metrics": {"latencyMs": 21}}),
    ]
    answer.chunks, answer.content_type = chunks, STREAM
    return answer


def invoke(exchange: Exchange) -> Answer:
    asked, verb = asked_of(exchange)
    streamed = verb.endswith("stream")
    if "anthropic" in asked:
        answer = anthropic(exchange, asked, streamed=streamed)
    elif "embed" in asked:
        usage = Usage(input=exchange.usage.input)
        answer = Answer(asked, "", asked, usage=usage)
        answer.body = {"embedding": [0.25, 0.5], "inputTextTokenCount": usage.input}
    elif "nova" in asked:
        one_output(exchange.usage)
        answer = Answer(asked, "", asked)
        said = {"role": "assistant", "content": [{"text": exchange.answer}]}
        answer.body = {
            "output": {"message": said},
            "stopReason": "end_turn",
            "usage": usage_of(exchange.usage),
        }
    else:
        answer = titan(exchange, asked)
    answer.headers["x-provider"] = "bedrock"
    usage = answer.usage or exchange.usage
    counts = {
        "input-token": usage.input,
        "output-token": usage.output,
        "cache-read-input-token": usage.cache_read,
        "cache-write-input-token": usage.cache_write or None,
    }
    if not streamed:
        for name, count in counts.items():
            if count is not None:
                answer.headers[f"X-Amzn-Bedrock-{name.title()}-Count"] = str(count)
    return answer


def anthropic(exchange: Exchange, asked: str, *, streamed: bool) -> Answer:
    exchange.body["model"] = asked
    answer = messages(exchange)
    # The body names the model without what Bedrock puts around it.
    answer.model = answer.body["model"] = BARE.sub("", asked)
    if not streamed:
        return answer
    exchange.body["stream"] = True
    found = messages(exchange)
    found.model = answer.model
    events = [json.loads(chunk.split(b"data: ")[1]) for chunk in found.chunks or []]
    events[0]["message"]["model"] = answer.model
    usage = exchange.usage
    events[-1]["amazon-bedrock-invocationMetrics"] = {
        "inputTokenCount": usage.input,
        "outputTokenCount": usage.all_output,
        "cacheReadInputTokenCount": usage.cache_read or 0,
        "cacheWriteInputTokenCount": usage.cache_write,
        "invocationLatency": 30,
        "firstByteLatency": 12,
    }
    found.chunks, found.content_type = [wrapped(data) for data in events], STREAM
    return found


def wrapped(data: Object) -> bytes:
    return event("chunk", {"bytes": base64.b64encode(json.dumps(data).encode()).decode()})


def titan(exchange: Exchange, asked: str) -> Answer:
    usage = exchange.usage
    one_output(usage)
    answer = Answer(asked, "", asked)
    result = {
        "tokenCount": usage.output,
        "outputText": exchange.answer,
        "completionReason": "FINISH",
    }
    answer.body = {"inputTextTokenCount": usage.all_input, "results": [result]}
    return answer


ROUTES: tuple[tuple[str, Any], ...] = (
    (r"/model/[^/]+/converse(-stream)?$", converse),
    (r"/model/[^/]+/invoke(-with-response-stream)?$", invoke),
)

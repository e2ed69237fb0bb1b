"""pip install anthropic openinference-instrumentation-anthropic, versions in the recordings."""

from __future__ import annotations

import anthropic
from openinference.instrumentation.anthropic import AnthropicInstrumentor
from running import Recorder, trace_everything

provider = trace_everything()
AnthropicInstrumentor().instrument(tracer_provider=provider)
packages = ["openinference-instrumentation-anthropic", "anthropic"]
record = Recorder("openinference", "anthropic", packages)
client = anthropic.Anthropic(max_retries=0, timeout=2)
TOOLS = [
    {
        "name": "get_weather",
        "description": "SECRET-PROMPT weather",
        "input_schema": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    }
]


def wanted(words, **more):
    messages = [{"role": "user", "content": f"SECRET-PROMPT Why? {words}"}]
    return {
        "model": "claude-sonnet-4-5",
        "max_tokens": 500,
        "system": "SECRET-PROMPT Be short.",
        "messages": messages,
        **more,
    }


def ask(words="", **more):
    return client.messages.create(**wanted(words, **more))


with record.recorded("chat", "messages, cache read and written"):
    ask("[[cached]] [[write5m]]")
with record.recorded(
    "cache-1h", "messages, cache read, written for 5 minutes and for an hour, tier"
):
    ask("[[cached]] [[write5m]] [[write1h]] [[tier-priority]]", service_tier="auto")
with record.recorded("bare", "messages, usage without the split of what was written"):
    ask("[[write5m]] [[bare]]")
with record.recorded("thinking", "messages with thinking"):
    ask("[[reasoning]]", thinking={"type": "enabled", "budget_tokens": 1024}, max_tokens=2000)
with record.recorded("stream", "messages, streamed through create, cache read and written"):
    for _ in ask("[[cached]] [[write5m]] [[write1h]]", stream=True):
        pass
with (
    record.recorded("stream-helper", "messages, streamed through the helper, cached prompt"),
    client.messages.stream(**wanted("[[cached]] [[write1h]]")) as stream,
):
    stream.get_final_message()
with record.recorded("stream-cut", "messages, the stream breaks off"):
    for _ in ask("[[cached]] [[cut]]", stream=True):
        pass
with record.recorded("tool", "messages, a tool call"):
    ask("[[tool]] [[cached]]", tools=TOOLS)
with record.recorded("error-429", "messages, refused by the rate limit"):
    ask("[[error-429]]")
with record.recorded("error-529", "messages, the provider is overloaded"):
    ask("[[error-529]]")
with record.recorded("timeout", "messages, no answer in time"):
    ask("[[timeout]]")

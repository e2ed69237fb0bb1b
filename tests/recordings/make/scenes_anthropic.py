"""What is asked of Anthropic, whoever traces it."""

from __future__ import annotations

import asyncio

import anthropic
from asking import ANTHROPIC_TOOL, message

THINKING = {"max_tokens": 4000, "thinking": {"type": "enabled", "budget_tokens": 2000}}


def play(record):
    """Record one scenario after another."""
    client = anthropic.Anthropic(max_retries=0, timeout=2)

    with record.recorded("chat", "messages"):
        message(client)
    with record.recorded("cached", "messages, cache read and written"):
        message(client, "[[cached]] [[write5m]]")
    with record.recorded("cached-1h", "messages, cache written for five minutes and for an hour"):
        message(client, "[[cached]] [[write5m]] [[write1h]] [[tier-priority]]")
    with record.recorded("stream", "messages, streamed, cache read and written"):
        message(client, "[[cached]] [[write5m]]", stream=True)
    with record.recorded("stream-helper", "messages, streamed with the helper, cache read"):
        asked = [{"role": "user", "content": "SECRET-PROMPT [[cached]]"}]
        helper = client.messages.stream(model="claude-haiku-4-5", max_tokens=100, messages=asked)
        with helper as stream:
            list(stream.text_stream)
            stream.get_final_message()
    with record.recorded("thinking", "messages with thinking"):
        message(client, "[[reasoning]] [[cached]]", **THINKING)
    with record.recorded("tool", "messages, a tool call and the answer with its result"):
        first = message(client, "[[tool]] [[cached]]", tools=[ANTHROPIC_TOOL])
        call = first.content[-1]
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "SECRET-ANSWER 21"}
        told = [
            {"role": "user", "content": "SECRET-PROMPT [[tool]] [[cached]]"},
            {"role": "assistant", "content": first.content},
            {"role": "user", "content": [result]},
        ]
        message(client, messages=told, tools=[ANTHROPIC_TOOL])
    with record.recorded("error-429", "messages, refused by the rate limit"):
        message(client, "[[error-429]]")
    with record.recorded("error-529", "messages, overloaded"):
        message(client, "[[error-529]]")
    with record.recorded("retry", "messages, the client asks again after a 429"):
        message(anthropic.Anthropic(max_retries=2), "[[retry-429]] [[cached]]")
    with record.recorded("timeout", "messages, no answer in time"):
        message(client, "[[timeout]]")
    with record.recorded("stream-cut", "messages, the stream breaks off"):
        message(client, "[[cut]] [[cached]]", stream=True)
    with record.recorded("async", "messages, two at once, one streamed"):
        both = anthropic.AsyncAnthropic(max_retries=0)
        asked = {"model": "claude-sonnet-4-5", "max_tokens": 100}
        asked["messages"] = [{"role": "user", "content": "SECRET-PROMPT [[cached]] [[write5m]]"}]

        async def plain():
            await both.messages.create(**asked)

        async def streamed():
            async for _ in await both.messages.create(stream=True, **asked):
                pass

        async def two():
            await asyncio.gather(plain(), streamed())

        asyncio.run(two())
    with record.recorded("beta", "messages of the beta client, cache read"):
        client.beta.messages.create(betas=["context-1m-2025-08-07"], **asked)

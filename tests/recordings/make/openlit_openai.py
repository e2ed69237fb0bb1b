"""pip install openlit openai, versions in the recordings."""

from __future__ import annotations

import asyncio

import openai
from asking import TOOL, chat, respond
from openlit_setup import start
from running import PROVIDER

record = start("openai", "openai")
client = openai.OpenAI(max_retries=0, timeout=2)
WITH_USAGE = {"stream": True, "stream_options": {"include_usage": True}}

with record.recorded("chat", "chat, cached prompt"):
    chat(client, "[[cached]]", user="u-7", temperature=0.2)
with record.recorded("chat-written", "chat, cache read and written"):
    chat(client, "[[cached]] [[write5m]]")
with record.recorded("reasoning-tier", "chat, cached prompt, reasoning, tier of the answer"):
    more = {"max_tokens": 900, "service_tier": "auto"}
    chat(client, "[[cached]] [[reasoning]] [[tier-flex]]", model="gpt-5", **more)
with record.recorded("bare", "chat, usage without details"):
    chat(client, "[[bare]]")
with record.recorded("audio", "chat with audio in and out"):
    voice = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}
    chat(client, "[[audio]]", model="gpt-4o-audio-preview", **voice)
with record.recorded("stream", "chat, streamed with usage, cached prompt"):
    chat(client, "[[cached]]", **WITH_USAGE)
with record.recorded("stream-reasoning", "chat, streamed with usage, cached prompt, reasoning"):
    chat(client, "[[cached]] [[reasoning]]", model="gpt-5", **WITH_USAGE)
with record.recorded("stream-no-usage", "chat, streamed without usage"):
    chat(client, stream=True)
with record.recorded("stream-cut", "chat, the stream breaks off"):
    chat(client, "[[cut]]", **WITH_USAGE)
with record.recorded("tool", "chat, a tool call and the answer with its result"):
    first = chat(client, "[[tool]]", tools=[TOOL])
    call = first.choices[0].message
    result = {"role": "tool", "tool_call_id": call.tool_calls[0].id, "content": "SECRET-ANSWER 21"}
    asked = {"role": "user", "content": "SECRET-PROMPT [[tool]] [[cached]]"}
    chat(client, messages=[asked, call.model_dump(exclude_none=True), result], tools=[TOOL])
with record.recorded("error-429", "chat, refused by the rate limit"):
    chat(client, "[[error-429]]")
with record.recorded("error-400", "chat, a bad request for a stream"):
    chat(client, "[[error-400]]", stream=True)
with record.recorded("retry", "chat, the client asks again after a 429"):
    chat(openai.OpenAI(max_retries=2), "[[retry-429]]")
with record.recorded("timeout", "chat, no answer in time"):
    chat(client, "[[timeout]]")
if hasattr(client, "responses"):
    with record.recorded("responses", "responses, cached prompt, reasoning, tier"):
        respond(client, "[[cached]] [[reasoning]] [[tier-priority]]", service_tier="auto")
    with record.recorded("responses-stream", "responses, streamed, cached prompt, reasoning"):
        respond(client, "[[cached]] [[reasoning]]", stream=True)
    with record.recorded("responses-error", "responses, refused by the rate limit"):
        respond(client, "[[error-429]]")
with record.recorded("embeddings", "embeddings of two texts"):
    texts = ["SECRET-PROMPT one", "SECRET-PROMPT two"]
    client.embeddings.create(model="text-embedding-3-small", input=texts)
with record.recorded("async", "two chats at once, one streamed"):
    both = openai.AsyncOpenAI(max_retries=0)

    async def ask(words, **more):
        messages = [{"role": "user", "content": f"SECRET-PROMPT {words}"}]
        found = await both.chat.completions.create(model="gpt-4o", messages=messages, **more)
        if more:
            async for _ in found:
                pass

    async def two():
        await asyncio.gather(ask("[[cached]]"), ask("[[cached]]", **WITH_USAGE))

    asyncio.run(two())
with record.recorded("azure", "chat on Azure, cached prompt"):
    azure = openai.AzureOpenAI(
        azure_endpoint=f"{PROVIDER}/azure",
        api_key="test",
        api_version="2024-10-21",
        base_url=None,
    )
    chat(azure, "[[cached]]", model="gpt-4o")
with record.recorded("groq", "chat of another provider with OpenAI's client"):
    other = openai.OpenAI(base_url=f"{PROVIDER}/groq/openai/v1")
    chat(other, "[[cached]]", model="llama-3.3-70b-versatile")

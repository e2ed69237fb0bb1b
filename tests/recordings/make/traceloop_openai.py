"""pip install opentelemetry-instrumentation-openai openai, versions in the recordings."""

from __future__ import annotations

import asyncio

import openai
from asking import TOOL, chat, respond
from opentelemetry.instrumentation.openai import OpenAIInstrumentor
from running import PROVIDER, Recorder, trace_everything

OpenAIInstrumentor().instrument(tracer_provider=trace_everything())
record = Recorder("traceloop", "openai", ["opentelemetry-instrumentation-openai", "openai"])
client = openai.OpenAI(max_retries=0, timeout=2)
WITH_USAGE = {"stream": True, "stream_options": {"include_usage": True}}
REASONING = {"max_tokens": openai.omit, "max_completion_tokens": 900, "service_tier": "auto"}

with record.recorded("chat", "chat, cached prompt"):
    chat(client, "[[cached]]", user="u-7", temperature=0.2)
with record.recorded("reasoning-tier", "chat, cached prompt, reasoning, tier of the answer"):
    chat(client, "[[cached]] [[reasoning]] [[tier-flex]]", model="gpt-5", **REASONING)
with record.recorded("bare", "chat, usage without details"):
    chat(client, "[[bare]]")
with record.recorded("audio", "chat with audio in and out"):
    voice = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}
    chat(client, "[[audio]]", model="gpt-4o-audio-preview", **voice)
with record.recorded("stream", "chat, streamed with usage, cached prompt"):
    chat(client, "[[cached]]", **WITH_USAGE)
with record.recorded("stream-reasoning", "chat, streamed with usage, cached prompt, reasoning"):
    chat(client, "[[cached]] [[reasoning]]", model="gpt-5", **REASONING, **WITH_USAGE)
with record.recorded("stream-no-usage", "chat, streamed without usage"):
    chat(client, stream=True)
with record.recorded("stream-cut", "chat, the stream breaks off"):
    chat(client, "[[cut]]", **WITH_USAGE)
with record.recorded("stream-left", "chat, streamed, the caller stops after the first chunk"):
    messages = [{"role": "user", "content": "SECRET-PROMPT Why?"}]
    for _ in client.chat.completions.create(model="gpt-4o-mini", messages=messages, **WITH_USAGE):
        break
with record.recorded("tool", "chat, a tool call and the answer with its result"):
    first = chat(client, "[[tool]]", tools=[TOOL])
    call = first.choices[0].message
    result = {"role": "tool", "tool_call_id": call.tool_calls[0].id, "content": "SECRET-ANSWER 21"}
    asked = {"role": "user", "content": "SECRET-PROMPT [[tool]] [[cached]]"}
    chat(client, messages=[asked, call, result], tools=[TOOL])
with record.recorded("error-429", "chat, refused by the rate limit"):
    chat(client, "[[error-429]]")
with record.recorded("error-400", "chat, a bad request for a stream"):
    chat(client, "[[error-400]]", stream=True)
with record.recorded("retry", "chat, the client asks again after a 429"):
    chat(openai.OpenAI(max_retries=2), "[[retry-429]]")
with record.recorded("timeout", "chat, no answer in time"):
    chat(client, "[[timeout]]")
with record.recorded("responses", "responses, cached prompt, reasoning, tier"):
    respond(client, "[[cached]] [[reasoning]] [[tier-priority]]", service_tier="auto")
with record.recorded("responses-stream", "responses, streamed, cached prompt, reasoning"):
    respond(client, "[[cached]] [[reasoning]]", stream=True)
with record.recorded("responses-tool", "responses, a tool call and the answer with its result"):
    tool = {"type": "function", **TOOL["function"], "strict": False}
    first = respond(client, "[[tool]]", tools=[tool], instructions="SECRET-PROMPT Be short.")
    call = first.output[0]
    result = {
        "type": "function_call_output",
        "call_id": call.call_id,
        "output": "SECRET-ANSWER 21",
    }
    respond(client, input=[result], previous_response_id=first.id, tools=[tool])
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
with record.recorded("parse", "structured output"):
    from pydantic import BaseModel

    class Sky(BaseModel):
        colour: str

    client.chat.completions.parse(
        model="gpt-4o",
        messages=[{"role": "user", "content": "SECRET-PROMPT [[cached]]"}],
        response_format=Sky,
    )
with record.recorded("raw", "chat through with_raw_response"):
    client.chat.completions.with_raw_response.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": "SECRET-PROMPT [[cached]]"}]
    ).parse()

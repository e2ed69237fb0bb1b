"""pip install logfire openai anthropic litellm google-genai "pydantic-ai-slim[openai,anthropic]"
opentelemetry-instrumentation-google-genai openinference-instrumentation-litellm.

Versions in the recordings. Nothing goes to Logfire: it exports to OTEL_EXPORTER_OTLP_ENDPOINT, as
its documentation shows for other backends.
"""

from __future__ import annotations

import asyncio
import gc
import os
from importlib.metadata import version

import logfire
import openai
from opentelemetry import trace
from running import PROVIDER, Recorder

logfire.configure(
    service_name="shop",
    send_to_logfire=False,
    console=False,
    scrubbing=False,
    metrics=False,
)
provider = trace.get_tracer_provider()
MAJOR = version("logfire").split(".")[0]
WHAT = os.environ.get("WHAT", "openai")
SYSTEM = {"role": "system", "content": "SECRET-PROMPT Be short."}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]


def messages(words=""):
    return [SYSTEM, {"role": "user", "content": f"SECRET-PROMPT Why is the sky blue? {words}"}]


def record_openai():
    record = Recorder("pydantic_ai", f"logfire{MAJOR}-openai", ["logfire", "openai"], provider)
    client = openai.OpenAI(max_retries=0, timeout=2)
    logfire.instrument_openai(client)

    def ask(words="", **more):
        given = {"model": "gpt-4o-mini", "messages": messages(words), **more}
        return client.chat.completions.create(**given)

    def stream(words="", **more):
        for _ in ask(words, stream=True, **more):
            pass

    usage = {"stream_options": {"include_usage": True}}
    with record.recorded("chat", "chat, cached prompt"):
        ask("[[cached]]", max_tokens=200)
    with record.recorded("reasoning-tier", "chat, cached prompt, reasoning, tier of the answer"):
        ask("[[cached]] [[reasoning]] [[tier-flex]]", model="gpt-5", service_tier="auto")
    with record.recorded("stream", "chat, streamed with usage, cached prompt, no parent"):
        stream("[[cached]]", **usage)
    with (
        record.recorded("stream-parent", "chat, streamed with usage, inside a span"),
        logfire.span("answer"),
    ):
        stream("[[cached]]", **usage)
    with record.recorded("stream-no-usage", "chat, streamed without usage"):
        stream()
    with record.recorded("stream-cut", "chat, the stream breaks off"):
        stream("[[cut]]", **usage)
    with record.recorded("stream-stopped", "chat, streamed, the reader leaves"):
        for _ in ask("", stream=True, **usage):
            break
        gc.collect()
    with record.recorded("tool", "chat, a tool call"):
        ask("[[tool]]", tools=TOOLS)
    with record.recorded("error-429", "chat, refused by the rate limit"):
        ask("[[error-429]]")
    with record.recorded("retry", "chat, the client asks again after a 500"):
        again = openai.OpenAI(max_retries=2)
        logfire.instrument_openai(again)
        again.chat.completions.create(model="gpt-4o-mini", messages=messages("[[retry-500]]"))
    with record.recorded("timeout", "chat, no answer in time"):
        ask("[[timeout]]")
    with record.recorded("responses", "responses, cached prompt, reasoning"):
        client.responses.create(
            model="gpt-5-mini", input="SECRET-PROMPT Why? [[cached]] [[reasoning]]"
        )
    with record.recorded("responses-stream", "responses, streamed, cached prompt, reasoning"):
        for _ in client.responses.create(
            model="gpt-5-mini", input="SECRET-PROMPT Why? [[cached]] [[reasoning]]", stream=True
        ):
            pass
    with record.recorded("embeddings", "embeddings of two texts"):
        client.embeddings.create(
            model="text-embedding-3-small", input=["SECRET-PROMPT one", "SECRET-PROMPT two"]
        )
    with record.recorded("audio", "chat with audio in and out"):
        ask("[[audio]]", model="gpt-4o-audio-preview")


def record_anthropic():
    import anthropic

    flavour = f"logfire{MAJOR}-anthropic"
    record = Recorder("pydantic_ai", flavour, ["logfire", "anthropic"], provider)
    client = anthropic.Anthropic(max_retries=0)
    logfire.instrument_anthropic(client)

    def ask(words="", **more):
        prompt = [{"role": "user", "content": f"SECRET-PROMPT Why? {words}"}]
        given = {"model": "claude-sonnet-4-5", "max_tokens": 200, "messages": prompt, **more}
        return client.messages.create(system="SECRET-PROMPT Be short.", **given)

    with record.recorded("chat", "messages, caches read and written"):
        ask("[[cached]] [[write5m]] [[write1h]]")
    with record.recorded("stream", "messages, streamed, caches"):
        for _ in ask("[[cached]] [[write5m]]", stream=True):
            pass
    with (
        record.recorded("stream-parent", "messages, streamed inside a span, caches"),
        logfire.span("answer"),
    ):
        for _ in ask("[[cached]] [[write5m]]", stream=True):
            pass
    with record.recorded("stream-helper", "messages.stream, caches"):
        prompt = [{"role": "user", "content": "SECRET-PROMPT Why? [[cached]] [[write5m]]"}]
        with client.messages.stream(
            model="claude-haiku-4-5", max_tokens=200, messages=prompt
        ) as stream:
            for _ in stream.text_stream:
                pass
    with record.recorded("tool", "messages, a tool call"):
        tool = {"name": "get_weather", "input_schema": {"type": "object", "properties": {}}}
        ask("[[tool]]", tools=[tool])
    with record.recorded("error-529", "messages, the provider is overloaded"):
        ask("[[error-529]]")


def record_litellm():
    import litellm

    record = Recorder("pydantic_ai", "logfire-litellm", ["logfire", "litellm"], provider)
    logfire.instrument_litellm()

    def ask(words="", **more):
        given = {"model": "openai/gpt-4o-mini", "messages": messages(words), **more}
        return litellm.completion(**given)

    with record.recorded("chat", "completion, cached prompt"):
        ask("[[cached]]")
    with record.recorded("stream", "completion, streamed with usage"):
        for _ in ask("[[cached]]", stream=True, stream_options={"include_usage": True}):
            pass
    with record.recorded("anthropic", "completion, Anthropic, caches"):
        ask("[[cached]] [[write5m]]", model="anthropic/claude-sonnet-4-5", max_tokens=200)
    with record.recorded("error-400", "completion, a bad request"):
        ask("[[error-400]]", num_retries=0)


def record_google():
    from google import genai
    from google.genai import types

    record = Recorder("pydantic_ai", "logfire-google", ["logfire", "google-genai"], provider)
    logfire.instrument_google_genai()
    options = types.HttpOptions(base_url=PROVIDER)
    client = genai.Client(api_key="k", http_options=options)
    given = {"model": "gemini-2.5-flash"}
    words = "SECRET-PROMPT Why? [[cached]] [[reasoning]]"
    with record.recorded("chat", "generate_content, cached prompt, thoughts"):
        client.models.generate_content(contents=words, **given)
    with record.recorded("stream", "generate_content_stream, cached prompt, thoughts"):
        for _ in client.models.generate_content_stream(contents=words, **given):
            pass
    with record.recorded("error-400", "generate_content, a bad request"):
        client.models.generate_content(contents="SECRET-PROMPT [[error-400]]", **given)


def record_agents():
    from pydantic_ai import Agent
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.models.openai import OpenAIChatModel

    packages = ["logfire", "pydantic-ai-slim", "openai"]
    record = Recorder("pydantic_ai", "logfire-agents", packages, provider)
    logfire.instrument_pydantic_ai()
    with record.recorded("both", "an agent whose client is instrumented too: one call"):
        logfire.instrument_openai()
        agent = Agent(OpenAIChatModel("gpt-4o-mini"), name="triage")
        agent.run_sync("SECRET-PROMPT Why? [[cached]]")

    async def stream(model):
        async with Agent(model, name="triage").run_stream("SECRET-PROMPT [[cached]]") as result:
            async for _ in result.stream_text():
                pass

    with record.recorded("both-stream", "an agent and its client instrumented, streamed: one call"):
        asyncio.run(stream(OpenAIChatModel("gpt-4o-mini")))
    with record.recorded("both-anthropic", "an agent, its client and the client itself: one call"):
        logfire.instrument_anthropic()
        agent = Agent(AnthropicModel("claude-sonnet-4-5"), name="triage")
        agent.run_sync("SECRET-PROMPT Why? [[cached]] [[write5m]]")
    with record.recorded("both-anthropic-stream", "the same, streamed: one call"):
        asyncio.run(stream(AnthropicModel("claude-sonnet-4-5")))


globals()[f"record_{WHAT}"]()
logfire.shutdown()

"""pip install litellm opentelemetry-exporter-otlp-proto-http openinference-instrumentation-openai.

LITELLM_MODE=default (as it comes), v1 (with a span of its own for each call), semconv
(OTEL_SEMCONV_STABILITY_OPT_IN), v2 (LITELLM_OTEL_V2),
langfuse (its langfuse_otel callback) or phoenix (its arize_phoenix callback).
"""

from __future__ import annotations

import os

MODE = os.environ.get("LITELLM_MODE", "v1")
SINK = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]
os.environ["OTEL_EXPORTER"] = "otlp_http"
os.environ["OTEL_ENDPOINT"] = SINK + "/v1/traces"
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
if MODE != "default":
    # Without it the attributes go to the span around the call, if there is one.
    os.environ["USE_OTEL_LITELLM_REQUEST_SPAN"] = "true"
if MODE == "semconv":
    os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "gen_ai_latest_experimental"
if MODE == "v2":
    os.environ["LITELLM_OTEL_V2"] = "true"
if MODE == "langfuse":
    os.environ.update(
        LANGFUSE_PUBLIC_KEY="pk-lf-test", LANGFUSE_SECRET_KEY="sk-lf-test", LANGFUSE_OTEL_HOST=SINK
    )
if MODE == "phoenix":
    os.environ["PHOENIX_COLLECTOR_HTTP_ENDPOINT"] = SINK + "/v1/traces"
os.environ["OTEL_BSP_SCHEDULE_DELAY"] = "200"

import asyncio
import time

import litellm
from litellm.caching.caching import Cache
from litellm.router import Router
from opentelemetry import trace
from running import PROVIDER, Recorder, trace_everything

CALLBACK = {"langfuse": "langfuse_otel", "phoenix": "arize_phoenix"}.get(MODE, "otel")
provider = trace_everything() if MODE in ("default", "v1", "semconv") else None
litellm.callbacks = [CALLBACK]
litellm.suppress_debug_info = True
USAGE = {"stream_options": {"include_usage": True}}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "SECRET-PROMPT weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]


class Flush:
    """LiteLLM logs in threads of its own."""

    def force_flush(self):
        time.sleep(2.0)


record = Recorder("litellm", f"sdk-{MODE}", ["litellm", "openai"], Flush())


loop = asyncio.new_event_loop()


def run(awaitable, waits_s=0.6):
    """Finish what a coroutine does, and give LiteLLM's logging worker its turn."""

    async def both():
        try:
            return await awaitable
        finally:
            await asyncio.sleep(waits_s)

    return loop.run_until_complete(both())


async def drained(answer):
    async for _ in await answer:
        pass


def ask(words="", model="openai/gpt-4o-mini", **more):
    messages = [
        {"role": "system", "content": "SECRET-PROMPT Be short."},
        {"role": "user", "content": f"SECRET-PROMPT Why? {words}"},
    ]
    more = {"max_tokens": 200, "num_retries": 0, "max_retries": 0, **more}
    if MODE == "v2":
        # The newest generation sees asynchronous calls alone.
        answer = litellm.acompletion(model=model, messages=messages, **more)
        return run(drained(answer) if more.get("stream") else answer)
    return litellm.completion(model=model, messages=messages, **more)


def stream(words="", **more):
    answer = ask(words, stream=True, **more)
    for _ in answer or ():
        pass


def embed(text):
    more = {"model": "openai/text-embedding-3-small", "input": [text], "caching": True}
    return run(litellm.aembedding(**more)) if MODE == "v2" else litellm.embedding(**more)


ask("warm")
with record.recorded("chat", "chat, cached prompt"):
    ask("[[cached]]", user="u-7", metadata={"session_id": "s-1", "tenant": "acme"})
with record.recorded("reasoning-tier", "chat, cached prompt, reasoning, tier of the answer"):
    ask("[[cached]] [[reasoning]] [[tier-flex]]", service_tier="auto")
with record.recorded("audio", "chat with audio in and out"):
    ask("[[audio]] [[cached]]", model="openai/gpt-4o-audio-preview")
with record.recorded("stream", "chat, streamed with usage, cached prompt"):
    stream("[[cached]] [[reasoning]]", **USAGE)
with record.recorded("stream-no-usage", "chat, streamed without usage: LiteLLM counts itself"):
    stream()
with record.recorded("anthropic", "Anthropic, prompt read from and written to the cache"):
    ask("[[cached]] [[write5m]]", model="anthropic/claude-sonnet-4-5")
with record.recorded("anthropic-1h", "Anthropic, prompt written to the cache for an hour"):
    ask("[[cached]] [[write5m]] [[write1h]]", model="anthropic/claude-sonnet-4-5")
with record.recorded("anthropic-stream", "Anthropic, streamed, read and written cache"):
    stream("[[cached]] [[write5m]]", model="anthropic/claude-sonnet-4-5")
with record.recorded("gemini", "Gemini, cached prompt, thoughts"):
    key = {"api_key": "k", "api_base": f"{PROVIDER}/v1beta/models/gemini-2.5-flash"}
    ask("[[cached]] [[reasoning]]", model="gemini/gemini-2.5-flash", **key)
with record.recorded("tool", "a tool call"):
    ask("[[tool]]", tools=TOOLS)
with record.recorded("embeddings", "an embedding"):
    embed("SECRET-PROMPT a")
with record.recorded("responses", "responses, cached prompt, reasoning"):
    more = {
        "model": "openai/gpt-5-mini",
        "input": "SECRET-PROMPT [[cached]] [[reasoning]] [[tier-priority]]",
        "instructions": "SECRET-PROMPT Be short.",
    }
    if MODE == "v2":
        run(litellm.aresponses(**more))
    else:
        litellm.responses(**more)
with record.recorded("error-429", "refused by the rate limit"):
    ask("[[error-429]]")
with record.recorded("error-400", "streamed, a bad request"):
    stream("[[error-400]]")
with record.recorded("timeout", "no answer in time"):
    ask("[[timeout]]", timeout=1.5)
with record.recorded("retry", "LiteLLM asks again after a 500", plan=["error-500", "cached"]):
    ask(num_retries=2)
with record.recorded("fallback", "another provider's model answers", plan=["error-500", "cached"]):
    run(
        litellm.acompletion(
            model="openai/gpt-4o-mini",
            messages=[{"role": "user", "content": "SECRET-PROMPT"}],
            fallbacks=["anthropic/claude-haiku-4-5"],
            max_retries=0,
        )
    )
with record.recorded("async", "two calls side by side", plan=["cached", "reasoning"]):

    async def twice():
        message = [{"role": "user", "content": "SECRET-PROMPT"}]
        await asyncio.gather(
            *(litellm.acompletion(model="openai/gpt-4o-mini", messages=message) for _ in "ab")
        )

    run(twice())

with record.recorded("cache-hit", "the same question again: LiteLLM's own cache answers"):
    litellm.cache = Cache(type="local")
    ask("[[cached]] again", caching=True)
    time.sleep(0.5)
    ask("[[cached]] again", caching=True)
with record.recorded("cache-hit-embeddings", "the same embedding again from LiteLLM's cache"):
    embed("SECRET-PROMPT b")
    time.sleep(0.5)
    embed("SECRET-PROMPT b")
litellm.cache = None
router = Router(
    model_list=[
        {"model_name": "smart", "litellm_params": {"model": "openai/gpt-4o", "max_retries": 0}},
        {"model_name": "cheap", "litellm_params": {"model": "anthropic/claude-haiku-4-5"}},
    ],
    fallbacks=[{"smart": ["cheap"]}],
    num_retries=1,
    retry_after=0,
)
MESSAGE = [{"role": "user", "content": "SECRET-PROMPT"}]


def route():
    if MODE == "v2":
        return run(router.acompletion(model="smart", messages=MESSAGE))
    return router.completion(model="smart", messages=MESSAGE)


with record.recorded("router", "a router's model group", plan=["cached"]):
    route()
with record.recorded("router-retry", "a router's retry", plan=["error-500", "cached"]):
    route()
FAILING = ["error-500", "error-500", "cached,write5m"]
with record.recorded("router-fallback", "a router's fallback after a retry", plan=FAILING):
    route()


def ask_inside():
    with trace.get_tracer("app").start_as_current_span("handle"):
        ask("[[cached]]")


with record.recorded("parent", "a call inside a span of the application"):
    ask_inside()
if MODE == "v1":
    from openinference.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument(tracer_provider=provider)
    with record.recorded("openinference", "LiteLLM and OpenInference of the client beneath it"):
        ask("[[cached]]")
    with record.recorded("openinference-parent", "the same inside a span of the application"):
        ask_inside()

"""pip install "pydantic-ai-slim[openai,anthropic,google]" opentelemetry-exporter-otlp-proto-http.

Versions in the recordings; SEMANTICS says which version of InstrumentationSettings is recorded.
"""

from __future__ import annotations

import asyncio
import os
from importlib.metadata import version

from pydantic import BaseModel
from pydantic_ai import Agent, ModelRetry
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.fallback import FallbackModel
from pydantic_ai.models.instrumented import InstrumentationSettings
from pydantic_ai.models.openai import OpenAIResponsesModel
from running import PROVIDER, Recorder, trace_everything

try:
    from pydantic_ai.models.openai import OpenAIChatModel
except ImportError:
    from pydantic_ai.models.openai import OpenAIModel as OpenAIChatModel

# Clients keep their connections, which live in one loop.
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
provider = trace_everything()
MAJOR = version("pydantic-ai-slim").split(".")[0]
SEMANTICS = os.environ.get("SEMANTICS", "")
settings = {"version": int(SEMANTICS)} if SEMANTICS else {}
if os.environ.get("SAME_NAMES"):
    settings["use_aggregated_usage_attribute_names"] = False
Agent.instrument_all(InstrumentationSettings(**settings))
FLAVOUR = f"agents{MAJOR}" + (f"-v{SEMANTICS}" if SEMANTICS else "")
if os.environ.get("SAME_NAMES"):
    FLAVOUR += "-same-names"
record = Recorder("pydantic_ai", FLAVOUR, ["pydantic-ai-slim"])
ONLY = os.environ.get("ONLY", "").split(",") if os.environ.get("ONLY") else None
openai_model = OpenAIChatModel("gpt-4o-mini")
SYSTEM = "SECRET-PROMPT Be short."


class Sky(BaseModel):
    colour: str


def agent_of(model=openai_model, **more):
    return Agent(model, name="triage", system_prompt=SYSTEM, **more)


def ask(words="", model=openai_model, **more):
    return agent_of(model, **more).run_sync(f"SECRET-PROMPT Why is the sky blue? {words}")


async def stream(words="", model=openai_model, **more):
    async with agent_of(model, **more).run_stream(f"SECRET-PROMPT Why? {words}") as result:
        async for _ in result.stream_text():
            pass


async def stopped():
    async with agent_of().run_stream("SECRET-PROMPT Why?") as result:
        async for _ in result.stream_text():
            break


def scenario(name, text, run, packages=(), **more):
    if ONLY and name not in ONLY:
        return
    kept = dict(record.packages)
    record.packages |= {package: version(package) for package in packages}
    with record.recorded(name, text, **more):
        done = run()
        if asyncio.iscoroutine(done):
            loop.run_until_complete(done)
    record.packages = kept


def with_tool():
    agent = agent_of()

    @agent.tool_plain
    def get_weather(city: str) -> str:
        return "SECRET-ANSWER 21 degrees"

    agent.run_sync("SECRET-PROMPT [[tool]] [[cached]]")


def with_delegate():
    inner = Agent(openai_model, name="forecaster", system_prompt=SYSTEM)
    agent = agent_of()

    @agent.tool_plain
    async def get_weather(city: str) -> str:
        return (await inner.run("SECRET-PROMPT and tomorrow?")).output

    agent.run_sync("SECRET-PROMPT [[tool]]")


def with_retry():
    agent = agent_of()
    seen = []

    @agent.output_validator
    def check(output: str) -> str:
        seen.append(output)
        if len(seen) == 1:
            raise ModelRetry("SECRET-PROMPT Shorter.")
        return output

    agent.run_sync("SECRET-PROMPT [[cached]]")


def anthropic(name="claude-sonnet-4-5"):
    return AnthropicModel(name)


def gemini():
    from pydantic_ai.models.google import GoogleModel
    from pydantic_ai.providers.google import GoogleProvider

    return GoogleModel("gemini-2.5-flash", provider=GoogleProvider(api_key="k", base_url=PROVIDER))


def embed():
    from pydantic_ai import Embedder

    return Embedder("openai:text-embedding-3-small", instrument=True).embed_query(
        "SECRET-PROMPT one"
    )


OPENAI, ANTHROPIC, GOOGLE = ("openai",), ("anthropic",), ("google-genai",)
CACHES = "[[cached]] [[write5m]] [[write1h]]"
FALLBACK = FallbackModel(OpenAIChatModel("gpt-4o"), openai_model)
scenario("chat", "an agent, cached prompt", lambda: ask("[[cached]]"), OPENAI)
scenario("stream", "an agent, streamed, cached prompt", lambda: stream("[[cached]]"), OPENAI)
scenario("stream-stopped", "an agent, streamed, left after the first words", stopped, OPENAI)
scenario(
    "responses",
    "an agent over the responses API, reasoning, cached prompt, tier",
    lambda: ask("[[cached]] [[reasoning]] [[tier-flex]]", OpenAIResponsesModel("gpt-5")),
    OPENAI,
)
scenario(
    "responses-stream",
    "an agent over the responses API, streamed, reasoning",
    lambda: stream("[[cached]] [[reasoning]]", OpenAIResponsesModel("gpt-5-mini")),
    OPENAI,
)
scenario("tools", "an agent with a tool: two calls", with_tool, OPENAI)
scenario("delegate", "an agent whose tool is another agent: three calls", with_delegate, OPENAI)
scenario("output-retry", "an agent's answer is refused once: two calls", with_retry, OPENAI)
scenario(
    "output",
    "an agent with an output type",
    lambda: ask("[[tool]]", output_type=Sky),
    OPENAI,
)
scenario("error-400", "an agent, a bad request", lambda: ask("[[error-400]]"), OPENAI)
scenario(
    "retry-429", "an agent; the client asks again after a 429", lambda: ask("[[retry-429]]"), OPENAI
)
scenario("stream-cut", "an agent, the stream breaks off", lambda: stream("[[cut]]"), OPENAI)
scenario(
    "fallback",
    "the first model fails, the second answers",
    lambda: ask("", FALLBACK),
    OPENAI,
    plan=["error-400", "cached"],
)
if MAJOR not in "01":
    from pydantic_ai.messages import ModelResponse

    def is_poor(response: ModelResponse) -> bool:
        return "4o-2024" in (response.model_name or "")

    BY_ANSWER = FallbackModel(OpenAIChatModel("gpt-4o"), openai_model, fallback_on=is_poor)
    scenario(
        "fallback-billed",
        "the first model's answer is poor, the second's is taken: two calls",
        lambda: ask("[[cached]]", BY_ANSWER),
        OPENAI,
    )
scenario("anthropic", "an agent, Anthropic, caches", lambda: ask(CACHES, anthropic()), ANTHROPIC)
scenario(
    "anthropic-stream",
    "an agent, Anthropic, streamed, caches",
    lambda: stream("[[cached]] [[write5m]]", anthropic("claude-haiku-4-5")),
    ANTHROPIC,
)
scenario(
    "google",
    "an agent, Gemini, cached prompt, thoughts",
    lambda: ask("[[cached]] [[reasoning]]", gemini()),
    GOOGLE,
)
scenario(
    "google-stream",
    "an agent, Gemini, streamed, cached prompt, thoughts",
    lambda: stream("[[cached]] [[reasoning]]", gemini()),
    GOOGLE,
)
scenario("audio", "an agent, audio in and out", lambda: ask("[[audio]]"), OPENAI)
if MAJOR != "0":
    scenario("embed", "an embedder", embed, OPENAI)
provider.shutdown()

"""pip install openai-agents openinference-instrumentation-openai-agents."""

from __future__ import annotations

from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool
from openai import AsyncOpenAI
from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor
from running import Recorder, trace_everything

provider = trace_everything()
OpenAIAgentsInstrumentor().instrument(tracer_provider=provider)
packages = ["openinference-instrumentation-openai-agents", "openai-agents", "openai"]
record = Recorder("openinference", "openai-agents", packages)


@function_tool
def get_weather(city: str) -> str:
    """SECRET-PROMPT weather."""
    return "SECRET-ANSWER 21 degrees"


def agent(**more):
    return Agent(name="forecaster", instructions="SECRET-PROMPT Be short.", **more)


with record.recorded("responses", "an agent, one call of the responses API, cached, reasoning"):
    Runner.run_sync(agent(model="gpt-5-mini"), "SECRET-PROMPT Why? [[cached]] [[reasoning]]")
with record.recorded("tool", "an agent that calls a tool"):
    Runner.run_sync(
        agent(model="gpt-5-mini", tools=[get_weather]), "SECRET-PROMPT Weather? [[tool]]"
    )
chat = OpenAIChatCompletionsModel("gpt-4o-mini", AsyncOpenAI(max_retries=0))
with record.recorded("chat", "an agent over chat completions, cached prompt"):
    Runner.run_sync(agent(model=chat), "SECRET-PROMPT Why? [[cached]]")
with record.recorded("handoff", "one agent hands over to another"):
    second = agent(model="gpt-5-mini", tools=[get_weather])
    first = agent(model="gpt-5-mini", handoffs=[second])
    Runner.run_sync(first, "SECRET-PROMPT Weather? [[tool]]", max_turns=5)
with record.recorded("error-400", "an agent whose call is refused"):
    Runner.run_sync(agent(model="gpt-5-mini"), "SECRET-PROMPT Why? [[error-400]]")

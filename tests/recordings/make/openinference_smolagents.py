"""pip install smolagents[openai] openinference-instrumentation-smolagents."""

from __future__ import annotations

from openinference.instrumentation.smolagents import SmolagentsInstrumentor
from running import PROVIDER, Recorder, trace_everything
from smolagents import OpenAIServerModel, ToolCallingAgent, tool

provider = trace_everything()
SmolagentsInstrumentor().instrument(tracer_provider=provider)
packages = ["openinference-instrumentation-smolagents", "smolagents", "openai"]
record = Recorder("openinference", "smolagents", packages)


@tool
def get_weather(city: str) -> str:
    """SECRET-PROMPT weather of a city.

    Args:
        city: SECRET-PROMPT the city
    """
    return "SECRET-ANSWER 21 degrees"


def model():
    return OpenAIServerModel("gpt-4o-mini", api_base=f"{PROVIDER}/v1", api_key="sk-test")


with record.recorded("model", "a model asked by itself, cached prompt and reasoning"):
    model().generate([{"role": "user", "content": "SECRET-PROMPT Why? [[cached]] [[reasoning]]"}])
with record.recorded("agent", "an agent that calls a tool and runs out of steps"):
    agent = ToolCallingAgent(tools=[get_weather], model=model(), max_steps=1)
    agent.run("SECRET-PROMPT Weather? [[tool]]")
with record.recorded("error-400", "a model that refuses"):
    model().generate([{"role": "user", "content": "SECRET-PROMPT [[error-400]]"}])

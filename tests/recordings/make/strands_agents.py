"""pip install strands-agents[openai,anthropic,otel], versions in the recordings."""

from __future__ import annotations

import os

from running import Recorder, trace_everything
from strands import Agent, tool
from strands.models.anthropic import AnthropicModel
from strands.models.openai import OpenAIModel

trace_everything()
record = Recorder("gen_ai", "strands", ["strands-agents", "openai", "anthropic"])
URL = os.environ["PROVIDER_URL"]


@tool
def get_weather(city: str) -> str:
    """SECRET-PROMPT weather of a city."""
    return "SECRET-ANSWER 21 degrees"


def openai_agent(**more):
    model = OpenAIModel(
        client_args={"base_url": f"{URL}/v1", "max_retries": 0}, model_id="gpt-4o-mini"
    )
    return Agent(model=model, system_prompt="SECRET-PROMPT", callback_handler=None, **more)


def claude(**more):
    model = AnthropicModel(
        client_args={"base_url": URL, "max_retries": 0},
        model_id="claude-sonnet-4-5",
        max_tokens=300,
    )
    return Agent(model=model, system_prompt="SECRET-PROMPT", callback_handler=None, **more)


with record.recorded("openai", "an agent over OpenAI, cached prompt"):
    openai_agent()("SECRET-PROMPT Why? [[cached]]")
with record.recorded("tool", "an agent over OpenAI that calls a tool"):
    openai_agent(tools=[get_weather])("SECRET-PROMPT Weather? [[tool]]")
with record.recorded("anthropic", "an agent over Anthropic, cache read and written"):
    claude()("SECRET-PROMPT Why? [[cached]] [[write5m]]")
with record.recorded("error-400", "an agent whose call is refused"):
    openai_agent()("SECRET-PROMPT Why? [[error-400]]")

"""pip install google-adk, versions in the recordings."""

from __future__ import annotations

import asyncio
import os

os.environ["GOOGLE_API_KEY"] = "test"

from google.adk.agents import Agent
from google.adk.runners import InMemoryRunner
from google.genai import types
from running import Recorder, trace_everything

trace_everything()
record = Recorder("gen_ai", "google-adk", ["google-adk", "google-genai"])


def get_weather(city: str) -> str:
    """SECRET-PROMPT weather of a city."""
    return "SECRET-ANSWER 21 degrees"


async def ask(words, **more):
    agent = Agent(
        name="forecaster", model="gemini-2.5-flash", instruction="SECRET-PROMPT Be short.", **more
    )
    runner = InMemoryRunner(agent=agent, app_name="shop")
    session = await runner.session_service.create_session(app_name="shop", user_id="u-7")
    said = types.Content(role="user", parts=[types.Part(text=f"SECRET-PROMPT Why? {words}")])
    async for _ in runner.run_async(user_id="u-7", session_id=session.id, new_message=said):
        pass


with record.recorded("chat", "an agent, cached prompt and thoughts"):
    asyncio.run(ask("[[cached]] [[reasoning]]"))
with record.recorded("tool", "an agent that calls a tool"):
    asyncio.run(ask("[[tool]]", tools=[get_weather]))
with record.recorded("error-400", "an agent whose call is refused"):
    asyncio.run(ask("[[error-400]]"))

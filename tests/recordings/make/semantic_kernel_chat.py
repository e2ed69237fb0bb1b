"""pip install semantic-kernel, versions in the recordings."""

from __future__ import annotations

import asyncio
import os

os.environ["SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS_SENSITIVE"] = "true"
os.environ["SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS"] = "true"

from openai import AsyncOpenAI
from running import Recorder, trace_everything
from semantic_kernel.agents import ChatCompletionAgent
from semantic_kernel.connectors.ai.open_ai import (
    OpenAIChatCompletion,
    OpenAIChatPromptExecutionSettings,
)
from semantic_kernel.contents import ChatHistory
from semantic_kernel.functions import kernel_function

trace_everything()
record = Recorder("gen_ai", "semantic-kernel", ["semantic-kernel", "openai"])


def service():
    return OpenAIChatCompletion("gpt-4o-mini", async_client=AsyncOpenAI(max_retries=0))


settings = OpenAIChatPromptExecutionSettings(max_tokens=200)


class Weather:
    @kernel_function(description="SECRET-PROMPT weather")
    def get_weather(self, city: str) -> str:
        return "SECRET-ANSWER 21 degrees"


def history(words):
    said = ChatHistory()
    said.add_user_message(f"SECRET-PROMPT Why? {words}")
    return said


async def stream(words):
    async for _ in service().get_streaming_chat_message_contents(history(words), settings):
        pass


def agent(**more):
    return ChatCompletionAgent(
        service=service(), name="forecaster", instructions="SECRET-PROMPT", **more
    )


with record.recorded("chat", "chat, cached prompt and reasoning"):
    asyncio.run(service().get_chat_message_contents(history("[[cached]] [[reasoning]]"), settings))
with record.recorded("stream", "chat, streamed, cached prompt"):
    asyncio.run(stream("[[cached]]"))
with record.recorded("agent", "an agent that calls a function"):
    asyncio.run(agent(plugins=[Weather()]).get_response("SECRET-PROMPT Weather? [[tool]]"))
with record.recorded("error-429", "chat, refused by the rate limit"):
    asyncio.run(service().get_chat_message_contents(history("[[error-429]]"), settings))

"""What is asked of Gemini, whoever traces it."""

from __future__ import annotations

import asyncio

from google import genai
from google.genai import types
from running import PROVIDER


def play(record):
    """Record one scenario after another."""
    client = genai.Client(api_key="test", http_options=types.HttpOptions(base_url=PROVIDER))

    def asked(words):
        return f"SECRET-PROMPT Why is the sky blue? {words}"

    def ask(words="", model="gemini-2.5-flash", **more):
        return client.models.generate_content(model=model, contents=asked(words), **more)

    with record.recorded("chat", "generate"):
        ask()
    with record.recorded("cached", "generate, cached prompt"):
        ask("[[cached]]")
    with record.recorded("thoughts", "generate, cached prompt, thoughts"):
        ask("[[cached]] [[reasoning]]", model="gemini-2.5-pro")
    with record.recorded("stream", "generate, streamed, cached prompt, thoughts"):
        list(
            client.models.generate_content_stream(
                model="gemini-2.5-pro", contents=asked("[[cached]] [[reasoning]]")
            )
        )
    with record.recorded("audio", "generate with audio in"):
        ask("[[audio]]")
    with record.recorded("tool", "generate, a tool call"):
        parameters = types.Schema(type="OBJECT", properties={"city": types.Schema(type="STRING")})
        tool = types.FunctionDeclaration(name="get_weather", parameters=parameters)
        config = types.GenerateContentConfig(tools=[types.Tool(function_declarations=[tool])])
        ask("[[tool]]", config=config)
    with record.recorded("error-429", "generate, refused by the rate limit"):
        ask("[[error-429]]")
    with record.recorded("async", "generate, two at once"):

        async def two():
            ask = client.aio.models.generate_content
            await asyncio.gather(
                ask(model="gemini-2.5-flash", contents=asked("")),
                ask(model="gemini-2.5-flash", contents=asked("[[reasoning]]")),
            )

        asyncio.run(two())
    with record.recorded("embeddings", "embeddings"):
        client.models.embed_content(model="gemini-embedding-001", contents="SECRET-PROMPT one")

"""pip install google-genai openinference-instrumentation-google-genai."""

from __future__ import annotations

import os

from google import genai
from google.genai import types
from openinference.instrumentation.google_genai import GoogleGenAIInstrumentor
from running import Recorder, trace_everything

provider = trace_everything()
GoogleGenAIInstrumentor().instrument(tracer_provider=provider)
packages = ["openinference-instrumentation-google-genai", "google-genai"]
record = Recorder("openinference", "google-genai", packages)
options = types.HttpOptions(base_url=os.environ["PROVIDER_URL"])
client = genai.Client(api_key="test", http_options=options)
CONFIG = types.GenerateContentConfig(
    system_instruction="SECRET-PROMPT Be short.", max_output_tokens=300
)


def ask(words=""):
    return client.models.generate_content(
        model="gemini-2.5-flash", contents=f"SECRET-PROMPT Why? {words}", config=CONFIG
    )


with record.recorded("chat", "generateContent, cached prompt"):
    ask("[[cached]]")
with record.recorded("thoughts", "generateContent, cached prompt and thoughts"):
    ask("[[cached]] [[reasoning]]")
with record.recorded("audio", "generateContent with audio and an image in the prompt"):
    ask("[[audio]] [[image]]")
with record.recorded("stream", "generateContent, streamed, cached prompt and thoughts"):
    for _ in client.models.generate_content_stream(
        model="gemini-2.5-flash",
        contents="SECRET-PROMPT Why? [[cached]] [[reasoning]]",
        config=CONFIG,
    ):
        pass
with record.recorded("tool", "generateContent, a function call"):

    def get_weather(city: str) -> str:
        """SECRET-PROMPT weather."""
        return "SECRET-ANSWER 21 degrees"

    client.models.generate_content(
        model="gemini-2.5-flash",
        contents="SECRET-PROMPT Weather? [[tool]]",
        config=types.GenerateContentConfig(tools=[get_weather]),
    )
with record.recorded("error-429", "generateContent, refused by the quota"):
    ask("[[error-429]]")

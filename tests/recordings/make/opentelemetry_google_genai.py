"""pip install google-genai opentelemetry-instrumentation-google-genai, versions in the recordings.

With the argument `latest` under OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental.
"""

from __future__ import annotations

import os
import sys

flavour = "google-genai"
if sys.argv[1:] == ["latest"]:
    os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "gen_ai_latest_experimental"
    os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "SPAN_ONLY"
    flavour = "google-genai-latest"

from google import genai
from google.genai import types
from opentelemetry.instrumentation.google_genai import GoogleGenAiSdkInstrumentor
from running import Recorder, trace_everything

provider = trace_everything()
GoogleGenAiSdkInstrumentor().instrument(tracer_provider=provider)
packages = ["opentelemetry-instrumentation-google-genai", "google-genai"]
record = Recorder("gen_ai", flavour, packages)
options = types.HttpOptions(base_url=os.environ["PROVIDER_URL"])
client = genai.Client(api_key="test", http_options=options)
CONFIG = types.GenerateContentConfig(
    system_instruction="SECRET-PROMPT Be short.", max_output_tokens=300
)


def ask(words="", config=CONFIG):
    return client.models.generate_content(
        model="gemini-2.5-flash", contents=f"SECRET-PROMPT Why? {words}", config=config
    )


def get_weather(city: str) -> str:
    """SECRET-PROMPT weather."""
    return "SECRET-ANSWER 21 degrees"


with record.recorded("chat", "generateContent, cached prompt"):
    ask("[[cached]]")
with record.recorded("thoughts", "generateContent, cached prompt and thoughts"):
    ask("[[cached]] [[reasoning]]")
with record.recorded("stream", "generateContent, streamed, cached prompt and thoughts"):
    for _ in client.models.generate_content_stream(
        model="gemini-2.5-flash",
        contents="SECRET-PROMPT Why? [[cached]] [[reasoning]]",
        config=CONFIG,
    ):
        pass
with record.recorded("tool", "generateContent that calls a function by itself"):
    ask("[[tool]]", types.GenerateContentConfig(tools=[get_weather]))
with record.recorded("error-429", "generateContent, refused by the quota"):
    ask("[[error-429]]")

"""pip install posthog openai openinference-instrumentation-openai.

What PostHog sends over OpenTelemetry: its processor passes on the spans of other instrumentations,
with whom its context knows.
"""

from __future__ import annotations

import os

import openai
import posthog
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from posthog.ai.otel import PostHogSpanProcessor
from running import Recorder

posthog.project_api_key = "phc_test"
provider = TracerProvider()
provider.add_span_processor(
    PostHogSpanProcessor(api_key="phc_test", host=os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"])
)
trace.set_tracer_provider(provider)
OpenAIInstrumentor().instrument(tracer_provider=provider)
packages = ["posthog", "openai", "openinference-instrumentation-openai"]
record = Recorder("posthog", "processor", packages)
client = openai.OpenAI(max_retries=0)


def ask(words="", **more):
    return client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": f"SECRET-PROMPT {words}"}],
        **more,
    )


def in_context():
    with posthog.new_context():
        posthog.identify_context("u-7")
        posthog.set_context_session("s-1")
        posthog.tag("tenant", "acme")
        ask("[[cached]] [[reasoning]]")


with record.recorded("chat", "OpenInference's span through PostHog's processor, in its context"):
    in_context()
with record.recorded("stream", "the same, streamed"):
    for _ in ask("[[cached]]", stream=True, stream_options={"include_usage": True}):
        pass
with record.recorded("error-429", "the same, refused by the rate limit"):
    ask("[[error-429]]")

"""pip install posthog openai anthropic google-genai opentelemetry-sdk.

PostHog's wrappers capture events and write no spans. Here their properties, as the package made
them, become the attributes of a span each, which is how a bridge to OpenTelemetry sends them.
"""

from __future__ import annotations

import time

import posthog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Status, StatusCode
from posthog.ai.anthropic import Anthropic
from posthog.ai.gemini import Client as Gemini
from posthog.ai.openai import OpenAI
from running import PROVIDER, Recorder

# Not the global provider: the Anthropic client would trace itself too.
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
tracer = provider.get_tracer("posthog-bridge")
packages = ["posthog", "openai", "anthropic", "google-genai"]
record = Recorder("posthog", "events", packages, provider)
SOURCE = (
    "No package of PostHog's exports its events over OpenTelemetry. The properties are those that"
    " posthog.ai (utils.py, the wrappers of each provider) gave to capture(); the span around them"
    " is made here: named like the event, as long as $ai_latency says."
)


class Bridge(posthog.Posthog):
    """A client whose events become spans instead of requests."""

    def capture(self, event, *args, properties=None, distinct_id=None, groups=None, **more):
        end = time.time_ns()
        told = dict(properties or {})
        start = end - int(told.get("$ai_latency", 0.1) * 1e9)
        span = tracer.start_span(event, start_time=start)
        for key, value in (told | {"distinct_id": distinct_id}).items():
            if isinstance(value, str | bool | int | float):
                span.set_attribute(key, value)
            elif value is not None:
                span.set_attribute(key, str(value))
        if told.get("$ai_is_error"):
            span.set_status(Status(StatusCode.ERROR))
        span.end(end_time=end)


bridge = Bridge("phc_test", host="http://127.0.0.1:9", disabled=False)
gpt = OpenAI(posthog_client=bridge, max_retries=0, timeout=2)
claude = Anthropic(posthog_client=bridge, max_retries=0)
gemini = Gemini(posthog_client=bridge, api_key="test", http_options={"base_url": PROVIDER})


def recorded(name, scenario):
    return record.recorded(name, scenario, built_from_source=SOURCE)


def ask(words="", **more):
    return gpt.chat.completions.create(
        **{"model": "gpt-4o-mini", "max_tokens": 200, **more},
        messages=[{"role": "user", "content": f"SECRET-PROMPT {words}"}],
        posthog_distinct_id="u-7",
    )


def ask_claude(words="", **more):
    return claude.messages.create(
        model="claude-sonnet-4-5",
        max_tokens=300,
        messages=[{"role": "user", "content": f"SECRET-PROMPT {words}"}],
        **more,
    )


with recorded("openai", "OpenAI, cached prompt, reasoning, tier"):
    ask("[[cached]] [[reasoning]] [[tier-flex]]", service_tier="auto")
with recorded("openai-stream", "OpenAI, streamed with usage, cached prompt"):
    for _ in ask("[[cached]]", stream=True, stream_options={"include_usage": True}):
        pass
with recorded("openai-responses", "OpenAI, responses, cached prompt, reasoning"):
    gpt.responses.create(model="gpt-5-mini", input="SECRET-PROMPT [[cached]] [[reasoning]]")
with recorded("openai-embeddings", "OpenAI, an embedding"):
    gpt.embeddings.create(model="text-embedding-3-small", input="SECRET-PROMPT")
with recorded("openai-error", "OpenAI, refused by the rate limit"):
    ask("[[error-429]]")
with recorded("anthropic", "Anthropic, prompt read from and written to the cache"):
    ask_claude("[[cached]] [[write5m]]")
with recorded("anthropic-stream", "Anthropic, streamed, read and written cache"):
    for _ in ask_claude("[[cached]] [[write5m]]", stream=True):
        pass
with recorded("anthropic-1h", "Anthropic, prompt written for an hour"):
    ask_claude("[[cached]] [[write5m]] [[write1h]]")
with recorded("gemini", "Gemini, cached prompt, thoughts"):
    gemini.models.generate_content(
        model="gemini-2.5-flash", contents="SECRET-PROMPT [[cached]] [[reasoning]]"
    )

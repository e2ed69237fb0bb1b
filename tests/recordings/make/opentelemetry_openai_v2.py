"""pip install openai opentelemetry-instrumentation-openai-v2, versions in the recordings.

With the argument `latest` under OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental.
"""

from __future__ import annotations

import os
import sys

flavour = "openai-v2"
if sys.argv[1:] == ["latest"]:
    os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "gen_ai_latest_experimental"
    os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "SPAN_ONLY"
    flavour = "openai-v2-latest"

import openai
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor
from running import Recorder, trace_everything

provider = trace_everything()
OpenAIInstrumentor().instrument(tracer_provider=provider)
record = Recorder("gen_ai", flavour, ["opentelemetry-instrumentation-openai-v2", "openai"])
client = openai.OpenAI(max_retries=0, timeout=2)


def ask(words="", **more):
    messages = [
        {"role": "system", "content": "SECRET-PROMPT Be short."},
        {"role": "user", "content": f"SECRET-PROMPT Why is the sky blue? {words}"},
    ]
    more = {"model": "gpt-4o-mini", "max_tokens": 200, **more}
    return client.chat.completions.create(messages=messages, **more)


with record.recorded("chat", "chat, cached prompt"):
    ask("[[cached]]")
with record.recorded("reasoning-tier", "chat, reasoning, service tier of the answer"):
    ask("[[cached]] [[reasoning]] [[tier-flex]]", model="gpt-5", service_tier="auto")
with record.recorded("stream", "chat, streamed with usage, cached prompt"):
    for _ in ask("[[cached]]", stream=True, stream_options={"include_usage": True}):
        pass
with record.recorded("stream-no-usage", "chat, streamed without usage"):
    for _ in ask(stream=True):
        pass
with record.recorded("stream-cut", "chat, the stream breaks off"):
    for _ in ask("[[cut]]", stream=True, stream_options={"include_usage": True}):
        pass
with record.recorded("error-429", "chat, refused by the rate limit"):
    ask("[[error-429]]")
with record.recorded("timeout", "chat, no answer in time"):
    ask("[[timeout]]")
with record.recorded("embeddings", "embeddings of two texts"):
    texts = ["SECRET-PROMPT one", "SECRET-PROMPT two"]
    client.embeddings.create(model="text-embedding-3-small", input=texts)
with record.recorded("responses", "responses, cached prompt, reasoning, tier"):
    client.responses.create(
        model="gpt-5-mini",
        input="SECRET-PROMPT Why? [[cached]] [[reasoning]] [[tier-priority]]",
        max_output_tokens=300,
    )
with record.recorded("responses-stream", "responses, streamed, cached prompt"):
    for _ in client.responses.create(
        model="gpt-5-mini", input="SECRET-PROMPT Why? [[cached]]", stream=True
    ):
        pass

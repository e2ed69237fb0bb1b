"""pip install litellm openinference-instrumentation-litellm, versions in the recordings."""

from __future__ import annotations

import os

import litellm
from openinference.instrumentation.litellm import LiteLLMInstrumentor
from running import Recorder, trace_everything

provider = trace_everything()
LiteLLMInstrumentor().instrument(tracer_provider=provider)
record = Recorder("openinference", "litellm", ["openinference-instrumentation-litellm", "litellm"])
litellm.suppress_debug_info = True
URL = os.environ["PROVIDER_URL"]


def ask(words="", model="openai/gpt-4o-mini", **more):
    messages = [{"role": "user", "content": f"SECRET-PROMPT Why? {words}"}]
    base = {"api_base": URL if "anthropic" in model else f"{URL}/v1", "max_retries": 0}
    return litellm.completion(model=model, messages=messages, **base, **more)


with record.recorded("openai", "OpenAI, cached prompt and reasoning"):
    ask("[[cached]] [[reasoning]]", max_tokens=200)
with record.recorded("openai-stream", "OpenAI, streamed with usage, cached prompt"):
    for _ in ask("[[cached]]", stream=True, stream_options={"include_usage": True}):
        pass
with record.recorded("anthropic", "Anthropic, cache read and written for both times"):
    ask("[[cached]] [[write5m]] [[write1h]]", "anthropic/claude-sonnet-4-5", max_tokens=200)
with record.recorded("anthropic-stream", "Anthropic, streamed, cache read and written"):
    for _ in ask("[[cached]] [[write5m]]", "anthropic/claude-sonnet-4-5", stream=True):
        pass
with record.recorded("embeddings", "embeddings of a text"):
    litellm.embedding(
        model="openai/text-embedding-3-small", input=["SECRET-PROMPT one"], api_base=f"{URL}/v1"
    )
with record.recorded("error-429", "OpenAI, refused by the rate limit"):
    ask("[[error-429]]", num_retries=0)

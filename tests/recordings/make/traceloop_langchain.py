"""pip install opentelemetry-instrumentation-{langchain,openai,anthropic} langchain
langchain-openai langchain-anthropic, versions in the recordings.

`alone` as argument: LangChain's instrumentation without those of the clients below it."""

from __future__ import annotations

import sys

from opentelemetry.instrumentation.langchain import LangchainInstrumentor
from running import Recorder, trace_everything

provider = trace_everything()
alone = "alone" in sys.argv
packages = ["opentelemetry-instrumentation-langchain", "langchain", "langchain-openai"]
if not alone:
    from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument(tracer_provider=provider)
    AnthropicInstrumentor().instrument(tracer_provider=provider)
    packages += [
        "opentelemetry-instrumentation-openai",
        "opentelemetry-instrumentation-anthropic",
    ]
LangchainInstrumentor().instrument(tracer_provider=provider)

from scenes_langchain import play

play(Recorder("traceloop", "langchain" if alone else "langchain-openai", packages))

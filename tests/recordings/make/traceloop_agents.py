"""pip install traceloop-sdk (its instrumentations come with it) openai-agents crewai litellm
llama-index-llms-openai, versions in the recordings.

The arguments are the flavours; each is best recorded alone, with its own and OpenAI's
instrumentation."""

from __future__ import annotations

import sys
from importlib import import_module

import scenes_agents
from opentelemetry.instrumentation.openai import OpenAIInstrumentor
from running import Recorder, trace_everything

provider = trace_everything()
flavour = sys.argv[1]
clients = {"llamaindex": "llama-index-core", "openai_agents": "openai-agents"}
NAMES = {
    "openai_agents": "OpenAIAgentsInstrumentor",
    "llamaindex": "LlamaIndexInstrumentor",
    "crewai": "CrewAIInstrumentor",
    "litellm": "LiteLLMInstrumentor",
}
module = import_module(f"opentelemetry.instrumentation.{flavour}")
if "alone" not in sys.argv:
    OpenAIInstrumentor().instrument(tracer_provider=provider)
getattr(module, NAMES[flavour])().instrument(tracer_provider=provider)
packages = [
    f"opentelemetry-instrumentation-{flavour.replace('_', '-')}",
    clients.get(flavour, flavour),
    "opentelemetry-instrumentation-openai",
]
label = flavour.replace("_", "-")
getattr(scenes_agents, f"play_{flavour}")(Recorder("traceloop", label, packages))

"""pip install opentelemetry-instrumentation-{groq,mistralai,cohere,ollama,together,voyageai}
groq mistralai cohere ollama together voyageai, versions in the recordings."""

from __future__ import annotations

import scenes_providers
from opentelemetry.instrumentation.cohere import CohereInstrumentor
from opentelemetry.instrumentation.groq import GroqInstrumentor
from opentelemetry.instrumentation.mistralai import MistralAiInstrumentor
from opentelemetry.instrumentation.ollama import OllamaInstrumentor
from opentelemetry.instrumentation.together import TogetherAiInstrumentor
from opentelemetry.instrumentation.voyageai import VoyageAIInstrumentor
from running import Recorder, trace_everything

provider = trace_everything()
for instrumentor in (
    CohereInstrumentor,
    GroqInstrumentor,
    MistralAiInstrumentor,
    OllamaInstrumentor,
    TogetherAiInstrumentor,
    VoyageAIInstrumentor,
):
    instrumentor().instrument(tracer_provider=provider)


for flavour in ("groq", "mistralai", "cohere", "ollama", "together", "voyageai"):
    packages = [f"opentelemetry-instrumentation-{flavour}", flavour]
    getattr(scenes_providers, f"play_{flavour}")(Recorder("traceloop", flavour, packages))

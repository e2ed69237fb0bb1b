"""What frameworks for agents add to the conventions, or say instead of them: Mastra and Genkit."""

from __future__ import annotations

from ingest.dialects.operations import NO_OPERATION
from ingest.dialects.table import Const, Fields, Only, Since, Source, When

MASTRA: Fields = {
    "user_id": ("mastra.metadata.userId",),
    "session_id": ("mastra.metadata.sessionId", "mastra.metadata.threadId"),
    "tenant": ("mastra.metadata.tenant", "mastra.metadata.tenantId"),
    "ttft_ms": (Since("mastra.completion_start_time"),),
}

# Genkit names no attribute of the conventions; what an answer cost is inside of genkit:output, on
# the model's span and again on those around it.
GENKIT_SCOPE = "genkit-tracer"
MODEL = When(scopes=(GENKIT_SCOPE,), values={"genkit:metadata:subtype": ("model",)})


def sold_by(prefix: str, provider: str) -> Source:
    """The provider of the models that a plugin of Genkit names with this prefix."""
    return Only(When(scopes=(GENKIT_SCOPE,), names=(f"{prefix}/*",)), Const(provider))


GENKIT: Fields = {
    "operation": (
        Only(MODEL, Const("chat")),
        Only(When(scopes=(GENKIT_SCOPE,)), Const(NO_OPERATION)),
    ),
    "provider": (
        sold_by("googleai", "gcp.gemini"),
        sold_by("vertexai", "gcp.vertex_ai"),
        sold_by("openai", "openai"),
        sold_by("anthropic", "anthropic"),
        sold_by("xai", "x_ai"),
        sold_by("deepseek", "deepseek"),
    ),
    "model_requested": (Only(MODEL, "genkit:name"),),
    "input_total": (Only(MODEL, "door:input_total"),),
    "output_total": (Only(MODEL, "door:output_total"),),
}
# Google's own counts: thoughts are beside the output.
GENKIT_GOOGLE = When(scopes=(GENKIT_SCOPE,), names=("googleai/*", "vertexai/*"))

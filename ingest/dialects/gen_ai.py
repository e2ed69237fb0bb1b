"""OpenTelemetry's GenAI conventions, every generation."""

from __future__ import annotations

from ingest.dialects.frameworks import GENKIT, GENKIT_GOOGLE, GENKIT_SCOPE, MASTRA
from ingest.dialects.shared import GEN_AI, GEN_AI_OPERATIONS, GENERAL, OURS
from ingest.dialects.table import Const, Dialect, Fields, Only, When, merge

# Google's Agent Development Kit: its output counts leave the thoughts out, and a failed call says
# nothing but the name of its span.
ADK_SCOPE = "gcp.vertex.agent"
ADK: Fields = {
    "operation": (Only(When(scopes=(ADK_SCOPE,), names=("call_llm",)), Const("chat")),),
    "output_total": (Only(When(scopes=(ADK_SCOPE,)), "door:output_total"),),
}
# What was read at the door from an answer, for senders that say it in no attribute.
ANSWER: Fields = {
    "model_served": ("door:model_served",),
    "response_id": ("door:response_id",),
    "service_tier": ("door:service_tier",),
    "cache_read": ("door:cache_read",),
    "cache_write": ("door:cache_write",),
    "cache_write_1h": ("door:cache_write_1h",),
    "reasoning": ("door:reasoning",),
    "audio_in": ("door:audio_in",),
    "audio_out": ("door:audio_out",),
    "image_in": ("door:image_in",),
    "image_out": ("door:image_out",),
    "used_web_search": ("door:used_web_search",),
}

DIALECT = Dialect(
    name="gen_ai",
    scopes=(ADK_SCOPE, GENKIT_SCOPE),
    prefixes=("gen_ai.",),
    fields=merge(ADK, GENKIT, OURS, GEN_AI, ANSWER, MASTRA, GENERAL),
    operations=GEN_AI_OPERATIONS,
    exclusive_output=(GENKIT_GOOGLE,),
)

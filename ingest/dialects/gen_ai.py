"""OpenTelemetry's GenAI conventions, every generation."""

from __future__ import annotations

from ingest.dialects.shared import GEN_AI, GEN_AI_OPERATIONS, GENERAL, OURS
from ingest.dialects.table import Dialect, merge

DIALECT = Dialect(
    name="gen_ai",
    prefixes=("gen_ai.",),
    fields=merge(OURS, GEN_AI, GENERAL),
    operations=GEN_AI_OPERATIONS,
)

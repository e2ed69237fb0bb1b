"""Our own SDK, and finops.* beside the names of the conventions."""

from __future__ import annotations

from ingest.dialects.shared import GEN_AI, GEN_AI_OPERATIONS, GENERAL, OURS
from ingest.dialects.table import Dialect, merge

DIALECT = Dialect(
    name="finops",
    scopes=("inferledger",),
    prefixes=("finops.",),
    fields=merge(OURS, GEN_AI, GENERAL),
    operations=GEN_AI_OPERATIONS,
)

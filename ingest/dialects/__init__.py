"""The dialect table: how each way of naming things becomes a call.

A dialect says how it is recognised and where each column of `calls` is found: the first source that
is there counts. Each has a file of its own and recorded payloads in tests/recordings; the
statements are generated from this table (decode.py, normalise.py). `calls` holds exclusive buckets.
"""

from __future__ import annotations

from ingest.dialects import (
    finops,
    gen_ai,
    langfuse,
    langsmith,
    litellm,
    openinference,
    openlit,
    posthog,
    pydantic_ai,
    traceloop,
    vercel,
)
from ingest.dialects.table import Dialect

# In the order in which they are tried: most emitters use gen_ai.* beside names of their own, and
# any of them may carry finops.*.
DIALECTS: tuple[Dialect, ...] = (
    vercel.DIALECT,
    litellm.DIALECT,
    langfuse.DIALECT,
    langsmith.DIALECT,
    openinference.DIALECT,
    pydantic_ai.DIALECT,
    openlit.DIALECT,
    traceloop.DIALECT,
    posthog.DIALECT,
    finops.DIALECT,
    gen_ai.DIALECT,
)

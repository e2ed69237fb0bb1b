"""Calls that a server of one's own answered, as an engine is calibrated with them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from finops.clickhouse.client import Warehouse
from finops.queries.ledger import SETTINGS
from finops.queries.range import Range

# A call that began so long before the range may still have been running in it.
LOOK_BACK = timedelta(minutes=30)

# What repeats another call, as the charge job found, never reached the server a second time; nor
# did what a response cache answered.
CALLS = """
SELECT started_at, provider, operation, outcome, duration_ms, ttft_ms,
    input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
    output_tokens, reasoning_tokens, prompt_chain
FROM calls FINAL
WHERE workspace_id = {workspace_id:UInt64}
    AND started_at >= {first:DateTime64(6, 'UTC')} AND started_at < {end:DateTime64(6, 'UTC')}
    AND addMicroseconds(started_at, toInt64(duration_ms * 1000)) > {start:DateTime64(6, 'UTC')}
    AND if(model_served = '', model_requested, model_served) = {model:String}
    AND ({provider:String} = '' OR provider = {provider:String})
    AND cache_hit = 0
    AND (trace_id, span_id) NOT IN (
        SELECT trace_id, span_id FROM charges FINAL
        WHERE workspace_id = {workspace_id:UInt64} AND counted = 0
            AND started_at >= {first:DateTime64(6, 'UTC')}
            AND started_at < {end:DateTime64(6, 'UTC')})
ORDER BY started_at, trace_id, span_id
LIMIT {limit:UInt32}
"""

SERVERS = """
SELECT uniqExact(system, host, instance) AS servers
FROM serving_samples
WHERE workspace_id = {workspace_id:UInt64} AND model = {model:String}
    AND ts >= {start:DateTime64(3, 'UTC')} AND ts < {end:DateTime64(3, 'UTC')}
"""

MODELS = """
SELECT if(model_served = '', model_requested, model_served) AS model
FROM calls
WHERE workspace_id = {workspace_id:UInt64}
    AND started_at >= {start:DateTime64(6, 'UTC')} AND started_at < {end:DateTime64(6, 'UTC')}
GROUP BY model
ORDER BY count() DESC, model
LIMIT {limit:UInt32}
"""


@dataclass(frozen=True, slots=True)
class CapturedCall:
    """A call as its client saw it; None for what it didn't say.

    `prompt_tokens` are all of the prompt, `cached_tokens` those of them that the server had
    computed before. `chain` is the hash chain of the prompt's blocks of 16 tokens, () for none.
    """

    started_at: datetime
    provider: str
    operation: str
    outcome: str
    duration_ms: float
    ttft_ms: float | None
    prompt_tokens: int | None
    cached_tokens: int | None
    output_tokens: int | None
    chain: tuple[int, ...] = ()


def captured_calls(
    ch: Warehouse,
    workspace_id: int,
    span: Range,
    model: str,
    *,
    provider: str = "",
    limit: int,
) -> list[CapturedCall]:
    """Return the calls of a model that started in a range or still ran in it, by their start.

    At most `limit`, the earliest; without a provider, those of all of them.
    """
    rows = ch.query(
        CALLS,
        {
            "workspace_id": workspace_id,
            "first": span.start - LOOK_BACK,
            "start": span.start,
            "end": span.end,
            "model": model,
            "provider": provider,
            "limit": limit,
        },
        settings=SETTINGS,
    )
    return [call_of(row) for row in rows]


def call_of(row: dict[str, Any]) -> CapturedCall:
    """A row as a call: exclusive buckets become the tokens that a server sees."""
    read = row["cache_read_tokens"]
    written = (row["cache_write_5m_tokens"] or 0) + (row["cache_write_1h_tokens"] or 0)
    fresh, answer = row["input_tokens"], row["output_tokens"]
    return CapturedCall(
        started_at=row["started_at"],
        provider=row["provider"],
        operation=row["operation"],
        outcome=row["outcome"],
        duration_ms=row["duration_ms"],
        ttft_ms=row["ttft_ms"],
        prompt_tokens=None if fresh is None else fresh + (read or 0) + written,
        cached_tokens=read,
        output_tokens=None if answer is None else answer + (row["reasoning_tokens"] or 0),
        chain=tuple(row["prompt_chain"]),
    )


def servers(ch: Warehouse, workspace_id: int, span: Range, model: str) -> int:
    """Return how many inference servers sent metrics of a model in a range; 0 if none did."""
    (row,) = ch.query(
        SERVERS,
        {"workspace_id": workspace_id, "model": model, "start": span.start, "end": span.end},
        settings=SETTINGS,
    )
    return int(row["servers"])


def models_called(ch: Warehouse, workspace_id: int, span: Range, *, limit: int = 20) -> list[str]:
    """Return the models that were called in a range, the most called first."""
    rows = ch.query(
        MODELS,
        {"workspace_id": workspace_id, "start": span.start, "end": span.end, "limit": limit},
        settings=SETTINGS,
    )
    return [row["model"] for row in rows]

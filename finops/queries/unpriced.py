"""Calls that no rate was found for, so that nobody reads a partial sum as the whole.

Calls of models that ran on the workspace's own GPUs have no list price and need none: their cost is
their part of the GPUs' bill (gpu_allocations), so they aren't listed as unpriced.
"""

from __future__ import annotations

from dataclasses import dataclass

from finops.clickhouse.client import Warehouse
from finops.queries.dimensions import NO_FILTERS, Filters
from finops.queries.ledger import INPUT_BUCKETS, OUTPUT_BUCKETS, SETTINGS, sum_of_buckets
from finops.queries.range import Range

# An hour is allocated when it is over: until then what ran on the pool just before counts.
ON_GPUS = """(unpriced_reason = 'no_rate'
    AND (provider, model, tenant, toStartOfHour(started_at)) IN (
    SELECT provider, model, tenant, arrayJoin([hour, hour + 3600, hour + 7200])
    FROM gpu_allocations FINAL
    WHERE workspace_id = {workspace_id:UInt64} AND kind = 'busy' AND (calls > 0 OR weight > 0)
        AND hour >= toStartOfHour(toDateTime({start:DateTime64(6, 'UTC')}, 'UTC')) - 7200
        AND hour < toDateTime({end:DateTime64(6, 'UTC')}, 'UTC') + 1))"""


@dataclass(frozen=True, slots=True)
class Unpriced:
    """Calls of one model that have no cost; reason is no_model, no_rate or no_usage."""

    provider: str
    model: str
    reason: str
    calls: int
    input_tokens: int
    output_tokens: int


def unpriced(
    ch: Warehouse,
    workspace_id: int,
    span: Range,
    filters: Filters = NO_FILTERS,
    *,
    limit: int = 50,
) -> list[Unpriced]:
    """Return what is unpriced, the most calls first; not what ran on the workspace's own GPUs."""
    rows = ch.query(
        "SELECT provider, model, unpriced_reason AS reason, count() AS total_calls, "
        f"sum({sum_of_buckets(INPUT_BUCKETS)}) AS total_input, "
        f"sum({sum_of_buckets(OUTPUT_BUCKETS)}) AS total_output "
        "FROM charges FINAL WHERE workspace_id = {workspace_id:UInt64} "
        "AND started_at >= {start:DateTime64(6, 'UTC')} "
        "AND started_at < {end:DateTime64(6, 'UTC')} "
        f"AND counted = 1 AND isNull(cost_usd) AND NOT {ON_GPUS}" + filters.conditions() + " "
        "GROUP BY provider, model, reason "
        "ORDER BY total_calls DESC, provider, model, reason LIMIT {limit:UInt32}",
        {
            "workspace_id": workspace_id,
            "start": span.start,
            "end": span.end,
            "limit": limit,
            **filters.params(),
        },
        settings=SETTINGS,
    )
    return [
        Unpriced(
            provider=row["provider"],
            model=row["model"],
            reason=row["reason"],
            calls=row["total_calls"],
            input_tokens=row["total_input"],
            output_tokens=row["total_output"],
        )
        for row in rows
    ]


def priced_by_gpus(
    ch: Warehouse, workspace_id: int, span: Range, filters: Filters = NO_FILTERS
) -> int:
    """Return how many calls have no rate and get their cost from the bills of GPU pools."""
    (row,) = ch.query(
        "SELECT count() AS calls FROM charges FINAL WHERE workspace_id = {workspace_id:UInt64} "
        "AND started_at >= {start:DateTime64(6, 'UTC')} "
        "AND started_at < {end:DateTime64(6, 'UTC')} "
        f"AND counted = 1 AND isNull(cost_usd) AND {ON_GPUS}" + filters.conditions(),
        {
            "workspace_id": workspace_id,
            "start": span.start,
            "end": span.end,
            **filters.params(),
        },
        settings=SETTINGS,
    )
    return int(row["calls"])

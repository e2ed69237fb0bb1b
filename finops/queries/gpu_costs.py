"""What GPU pools cost, what of it was used, and what a token came to. Whole UTC hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from finops.clickhouse.client import Warehouse
from finops.queries.buckets import (
    BUCKETS,
    START_SQL,
    Bucket,
    bucket_for,
    bucket_starts,
    seconds_of,
)
from finops.queries.errors import UnknownDimension
from finops.queries.gpu_pool_cost import KINDS, ZERO, PoolCost, per_million
from finops.queries.ledger import SETTINGS
from finops.queries.range import HOUR, Range, ceil_hour, floor_hour

GPU_DIMENSIONS = ("pool", "kind", "tenant", "model", "provider", "team", "feature", "environment")

RANGE = (
    "WHERE workspace_id = {workspace_id:UInt64} "
    "AND hour >= {start:DateTime('UTC')} AND hour < {end:DateTime('UTC')}"
)
ONLY = " AND pool = {pool:String}"


BILLS = f"""
SELECT pool, count() AS hours, sum(b.bill_usd) AS bill_usd, sum(b.gpu_ms) AS gpu_ms,
    sum(b.busy_ms) AS busy_ms, sum(b.idle_ms) AS idle_ms, sum(b.unobserved_ms) AS unobserved_ms,
    sum(b.unpriced_ms) AS unpriced_ms, sum(b.energy_j) AS energy_j,
    sum(b.site_energy_j) AS site_energy_j,
    if(countIf(isNull(b.co2e_g) AND b.energy_j > 0) = 0, sum(b.co2e_g), NULL) AS co2e_g,
    countIf(b.gpus_seen > b.gpus + b.unpriced_ms / 3600000.) AS seen_over
FROM gpu_bills AS b FINAL {RANGE}
GROUP BY pool
"""
ROWS = f"""
SELECT pool, sum(a.calls) AS calls, sum(a.tokens) AS tokens,
    sum(a.output_tokens) AS output_tokens, sum(a.cost_usd) AS rows_usd,
    sumIf(a.cost_usd, kind = 'busy' AND model = '' AND tenant = '') AS nameless_usd,
    {", ".join(f"sumIf(a.cost_usd, kind = '{kind}') AS {kind}_usd" for kind in KINDS)}
FROM gpu_allocations AS a FINAL {RANGE}
GROUP BY pool
"""


def gpu_pool_costs(ch: Warehouse, workspace_id: int, span: Range) -> list[PoolCost]:
    """Return each pool's bills, the dearest first."""
    params = bounds(workspace_id, span)
    rows = {row["pool"]: row for row in ch.query(ROWS, params, settings=SETTINGS)}
    found = [
        pool_cost(bill, rows.get(bill["pool"], {}))
        for bill in ch.query(BILLS, params, settings=SETTINGS)
    ]
    return sorted(found, key=lambda one: (-one.bill_usd, one.pool))


def pool_cost(bill: Mapping[str, Any], rows: Mapping[str, Any]) -> PoolCost:
    return PoolCost(
        usd_by_kind={kind: rows.get(f"{kind}_usd", ZERO) for kind in KINDS},
        calls=rows.get("calls", 0),
        tokens=rows.get("tokens", 0),
        output_tokens=rows.get("output_tokens", 0),
        nameless_usd=rows.get("nameless_usd", ZERO),
        rows_usd=rows.get("rows_usd", ZERO),
        **bill,
    )


def gpu_bill_usd(ch: Warehouse, workspace_id: int, span: Range) -> Decimal:
    """Return what all pools were billed in the whole hours that the range touches, in USD."""
    (row,) = ch.query(
        f"SELECT sum(b.bill_usd) AS bill_usd FROM gpu_bills AS b FINAL {RANGE}",
        bounds(workspace_id, span),
        settings=SETTINGS,
    )
    return Decimal(row["bill_usd"])


def billed_hours(ch: Warehouse, workspace_id: int) -> tuple[datetime, datetime] | None:
    """Return the first and the last hour that GPUs were billed for; None before the first."""
    (row,) = ch.query(
        "SELECT minOrNull(hour) AS first, maxOrNull(hour) AS last FROM gpu_bills FINAL "
        "WHERE workspace_id = {workspace_id:UInt64}",
        {"workspace_id": workspace_id},
        settings=SETTINGS,
    )
    return None if row["first"] is None else (row["first"], row["last"])


def bounds(workspace_id: int, span: Range) -> dict[str, Any]:
    start, end = floor_hour(span.start), ceil_hour(span.end)
    return {"workspace_id": workspace_id, "start": start, "end": end}


@dataclass(frozen=True, slots=True)
class GpuCostOverTime:
    """USD by bucket for each kind that has any; as many as `starts`, which are UTC."""

    bucket: Bucket
    starts: list[datetime]
    costs_usd: dict[str, list[Decimal]]


def gpu_cost_over_time(
    ch: Warehouse, workspace_id: int, span: Range, *, zone: ZoneInfo, pool: str = ""
) -> GpuCostOverTime:
    """Return what was busy, idle, unobserved and overhead over time, of one pool or of all."""
    bucket = bucket_for(span.length)
    if bucket.width < HOUR:
        bucket = next(one for one in BUCKETS if one.width == HOUR)
    starts = bucket_starts(span, bucket, zone)
    seconds = seconds_of(starts)
    rows = ch.query(
        f"SELECT {START_SQL} AS start, kind, sum(a.cost_usd) AS cost "
        "FROM (SELECT *, toDateTime64(hour, 0, 'UTC') AS at FROM gpu_allocations FINAL "
        f"{RANGE}{ONLY if pool else ''}) AS a GROUP BY start, kind",
        {**bounds(workspace_id, span), "starts": seconds, **({"pool": pool} if pool else {})},
        settings=SETTINGS,
    )
    costs: dict[str, list[Decimal]] = {}
    for row in rows:
        place = seconds.index(row["start"])
        costs.setdefault(row["kind"], [ZERO] * len(starts))[place] += row["cost"]
    return GpuCostOverTime(bucket, starts, {kind: costs[kind] for kind in KINDS if kind in costs})


@dataclass(frozen=True, slots=True)
class GpuCost:
    """A group's part of the bills."""

    group: dict[str, str]
    cost_usd: Decimal
    calls: int
    tokens: int
    output_tokens: int
    gpu_ms: int
    energy_j: float

    @property
    def usd_per_million(self) -> Decimal | None:
        return per_million(self.cost_usd, self.tokens)


def gpu_costs(
    ch: Warehouse,
    workspace_id: int,
    span: Range,
    group_by: Sequence[str],
    *,
    pool: str = "",
    limit: int = 10_000,
) -> list[GpuCost]:
    """Return the bills' rows by group, the dearest first; raises UnknownDimension."""
    names = as_gpu_dimensions(group_by)
    listed = ", ".join(names)
    rows = ch.query(
        f"SELECT {listed}, sum(a.cost_usd) AS cost_usd, sum(a.calls) AS calls, "
        "sum(a.tokens) AS tokens, sum(a.output_tokens) AS output_tokens, "
        "sum(a.gpu_ms) AS gpu_ms, sum(a.energy_j) AS energy_j "
        f"FROM gpu_allocations AS a FINAL {RANGE}{ONLY if pool else ''} "
        f"GROUP BY {listed} ORDER BY cost_usd DESC, {listed} LIMIT {{limit:UInt32}}",
        {**bounds(workspace_id, span), "limit": limit, **({"pool": pool} if pool else {})},
        settings=SETTINGS,
    )
    return [GpuCost(group={name: row.pop(name) for name in names}, **row) for row in rows]


def as_gpu_dimensions(names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if name not in GPU_DIMENSIONS:
            raise UnknownDimension(
                f"{name[:50]!r} is not something to group GPU costs by; use "
                f"{', '.join(GPU_DIMENSIONS)}."
            )
    return tuple(dict.fromkeys(names))

"""Demand by hour: GPUs at work in a pool, or what was spent with providers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from finops.clickhouse.client import Warehouse
from finops.queries.dimensions import NO_FILTERS, Filters
from finops.queries.errors import InvalidRange
from finops.queries.ledger import SETTINGS
from finops.queries.range import HOUR, Range, ceil_hour

ZERO = Decimal(0)
GPU_HOUR_MS = 3_600_000
MINUTES_AT_MOST = 31 * 24 * 60


@dataclass(frozen=True, slots=True)
class Demand:
    """Units needed in each known hour, in order of time: GPUs, or USD.

    `unknown_hours` were billed and not observed, and are left out. `paid_usd` is what all known
    hours cost, `billed_unit_hours` what was paid for: both for pools only.
    """

    hours: tuple[Decimal, ...]
    first: datetime | None
    last: datetime | None
    unknown_hours: int = 0
    paid_usd: Decimal | None = None
    billed_unit_hours: Decimal = ZERO


def spend_demand(
    ch: Warehouse, workspace_id: int, span: Range, filters: Filters = NO_FILTERS
) -> Demand:
    """Return USD spent in each whole hour, from the first hour with calls on; 0 where none were."""
    whole = span.whole_hours
    if whole is None:
        raise InvalidRange("Demand is by whole hours: ask for at least one.")
    rows = ch.query(
        "SELECT hour, sum(cost_usd) AS spent FROM usage_hourly FINAL "
        "WHERE workspace_id = {workspace_id:UInt64} "
        "AND hour >= {start:DateTime('UTC')} AND hour < {end:DateTime('UTC')}"
        + filters.conditions()
        + " GROUP BY hour HAVING sum(calls) > 0 ORDER BY hour",
        {
            "workspace_id": workspace_id,
            "start": whole.start,
            "end": whole.end,
            **filters.params(),
        },
        settings=SETTINGS,
    )
    if not rows:
        return Demand((), None, None)
    spent = {row["hour"].replace(tzinfo=whole.start.tzinfo): row["spent"] for row in rows}
    first = min(spent)
    hours = []
    at = first
    while at < whole.end:
        hours.append(spent.get(at, ZERO))
        at += HOUR
    return Demand(tuple(hours), first, whole.end)


def hours_of(span: Range) -> dict[str, datetime]:
    """The hours that begin in the range: bills are by the hour."""
    return {"start": ceil_hour(span.start), "end": ceil_hour(span.end)}


def pools(ch: Warehouse, workspace_id: int, span: Range) -> list[str]:
    """Return the pools that were billed in the range, the costliest first."""
    rows = ch.query(
        "SELECT pool FROM gpu_bills FINAL WHERE workspace_id = {workspace_id:UInt64} "
        "AND hour >= {start:DateTime('UTC')} AND hour < {end:DateTime('UTC')} "
        "GROUP BY pool ORDER BY sum(bill_usd) DESC, pool LIMIT 100",
        {"workspace_id": workspace_id, **hours_of(span)},
        settings=SETTINGS,
    )
    return [row["pool"] for row in rows]


def pool_demand(ch: Warehouse, workspace_id: int, span: Range, pool: str) -> Demand:
    """Return the GPUs at work in each hour that was observed for at least half of its GPU time."""
    rows = ch.query(
        "SELECT hour, busy_ms, gpu_ms, unobserved_ms, bill_usd FROM gpu_bills FINAL "
        "WHERE workspace_id = {workspace_id:UInt64} AND pool = {pool:String} "
        "AND hour >= {start:DateTime('UTC')} AND hour < {end:DateTime('UTC')} ORDER BY hour",
        {"workspace_id": workspace_id, "pool": pool, **hours_of(span)},
        settings=SETTINGS,
    )
    known = [row for row in rows if row["unobserved_ms"] * 2 <= row["gpu_ms"]]
    if not known:
        return Demand((), None, None, len(rows))
    zone = span.start.tzinfo
    return Demand(
        tuple(Decimal(row["busy_ms"]) / GPU_HOUR_MS for row in known),
        known[0]["hour"].replace(tzinfo=zone),
        known[-1]["hour"].replace(tzinfo=zone) + HOUR,
        unknown_hours=len(rows) - len(known),
        paid_usd=sum((row["bill_usd"] for row in known), ZERO),
        billed_unit_hours=Decimal(sum(row["gpu_ms"] for row in known)) / GPU_HOUR_MS,
    )


def gpu_throughput(
    ch: Warehouse, workspace_id: int, span: Range, pool: str | None = None
) -> tuple[Decimal, int] | None:
    """Return output tokens for each second that a GPU was at work on calls, and those calls.

    None where no call was given GPU time, or none told its tokens.
    """
    only = " AND pool = {pool:String}" if pool else ""
    params = {"workspace_id": workspace_id, **hours_of(span)}
    (row,) = ch.query(
        "SELECT sum(output_tokens) AS tokens, sum(gpu_ms) AS spent_ms, sum(calls) AS answered "
        "FROM gpu_allocations FINAL WHERE workspace_id = {workspace_id:UInt64} "
        "AND hour >= {start:DateTime('UTC')} AND hour < {end:DateTime('UTC')} "
        "AND kind = 'busy' AND calls > 0" + only,
        {**params, "pool": pool} if pool else params,
        settings=SETTINGS,
    )
    if not row["tokens"] or not row["spent_ms"]:
        return None
    return Decimal(row["tokens"]) * 1000 / Decimal(row["spent_ms"]), row["answered"]


def busy_minutes(
    ch: Warehouse, workspace_id: int, span: Range, filters: Filters = NO_FILTERS
) -> list[datetime]:
    """Return each minute in which a call started, in order: when a server must be awake.

    Without FINAL: versions of a call lie in one minute, and it is the minutes that count.
    """
    rows = ch.query(
        "SELECT DISTINCT toStartOfMinute(started_at) AS minute FROM charges "
        "WHERE workspace_id = {workspace_id:UInt64} AND counted = 1 "
        "AND started_at >= {start:DateTime64(6, 'UTC')} "
        "AND started_at < {end:DateTime64(6, 'UTC')}" + filters.conditions() + " ORDER BY minute "
        "LIMIT {most:UInt32}",
        {
            "workspace_id": workspace_id,
            "start": span.start,
            "end": span.end,
            "most": MINUTES_AT_MOST,
            **filters.params(),
        },
        settings=SETTINGS,
    )
    return [row["minute"].replace(tzinfo=span.start.tzinfo) for row in rows]

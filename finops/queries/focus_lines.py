"""What was charged, summed as finely as a FOCUS row needs it: by hour, dimension and rate.

Calls of one hour that were charged at different rates (another context tier, a rate that changed
within the hour) are lines of their own, so that quantity times unit price is the cost of each.
The rates come from the rate version that each charge names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from finops.clickhouse.client import Warehouse
from finops.pricing.rate import BUCKETS, TIERS
from finops.queries.focus_rates import (
    NO_PRICES,
    NONE,
    OF_SLICE,
    TIER,
    Prices,
    Rates,
    fill_rates,
    read_rates,
    which,
)
from finops.queries.range import Range

TOKENS = tuple(bucket for bucket in BUCKETS if bucket != "call")

# Calls read by one statement: what it groups and sorts has to fit into memory.
MOST_CALLS = 400_000
SETTINGS: dict[str, float] = {
    "do_not_merge_across_partitions_select_final": 1,
    "max_execution_time": 600,  # seconds; a file is read as fast as its reader takes it
    "max_memory_usage": 4 * 1024**3,  # bytes
    "max_bytes_before_external_group_by": 1024**3,
    "max_bytes_before_external_sort": 1024**3,
    "max_block_size": 8192,  # rows that are in hand at once
}


@dataclass(frozen=True, slots=True)
class Metered:
    """Tokens of one bucket, what they cost, and the part of the cost that was waste."""

    bucket: str
    tokens: int
    usd: Decimal
    waste_usd: Decimal


@dataclass(frozen=True, slots=True)
class FocusLine:
    """Calls of one hour that agree in all dimensions and in their rate.

    `service_tier` is the tier of the rate ('' = standard). `requests` are counted where their last
    attempt is. `hit`: a cache of the client's answered, nothing was bought. `waste_usd` is part of
    `cost_usd`. `contracted` and `listed` are the prices that were found for these calls, NO_PRICES
    where the rate version knows none.
    """

    hour: datetime
    tenant: str
    team: str
    feature: str
    environment: str
    agent: str
    provider: str
    model: str
    service_tier: str
    region: str
    rate_version: int
    hit: bool
    calls: int
    requests: int
    successful_requests: int
    cost_usd: Decimal
    waste_usd: Decimal
    list_usd: Decimal | None
    meters: tuple[Metered, ...]
    call_usd: Decimal
    call_waste_usd: Decimal
    charged_calls: int
    uses: Mapping[str, int]
    wasted_uses: Mapping[str, int]
    uses_usd: Decimal
    uses_waste_usd: Decimal
    contracted: Prices = NO_PRICES
    listed: Prices = NO_PRICES


@dataclass(frozen=True, slots=True)
class Slice:
    """Some hours of a range that one statement reads, and about how many calls they hold."""

    span: Range
    calls: int


def slices(ch: Warehouse, workspace_id: int, span: Range) -> list[Slice]:
    """Cut a range at whole hours into parts of a bearable size; together they are the range."""
    rows = ch.query(
        "SELECT hour, sum(calls) AS calls FROM usage_hourly FINAL "
        "WHERE workspace_id = {workspace_id:UInt64} "
        "AND hour >= {start:DateTime64(6, 'UTC')} AND hour < {end:DateTime64(6, 'UTC')} "
        "GROUP BY hour ORDER BY hour",
        {"workspace_id": workspace_id, "start": span.start, "end": span.end},
        settings={"max_execution_time": 60},
    )
    parts: list[Slice] = []
    start, calls = span.start, 0
    for row in rows:
        if calls and calls + row["calls"] > MOST_CALLS and row["hour"] > start:
            parts.append(Slice(Range(start, row["hour"]), calls))
            start, calls = row["hour"], 0
        calls += row["calls"]
    return [*parts, Slice(Range(start, span.end), calls)]


INPUT = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "audio_in", "image_in")
TOTAL_INPUT = " + ".join(f"toUInt64(ifNull({bucket}_tokens, 0))" for bucket in INPUT)


WASTE = "waste_class != 'clean'"
ZERO = "toDecimal128(0, 12)"


def paid(column: str) -> str:
    return f"sum(ifNull({column}, {ZERO}))"


def wasted(column: str) -> str:
    return f"sumIf(ifNull({column}, {ZERO}), {WASTE})"


METERS = ", ".join(
    f"tuple(toUInt8({i}), sum(toUInt64(ifNull({b}_tokens, 0))), {paid(f'{b}_usd')}, "
    f"{wasted(f'{b}_usd')})"
    for i, b in enumerate(TOKENS)
)
DIMENSIONS = (
    "tenant", "team", "feature", "environment", "agent", "provider", "model", "tier", "region",
)  # fmt: skip
GROUP = f"hour, {', '.join(DIMENSIONS)}, rate_version, hit, own_rate, list_rate"
READ = ", ".join(
    (
        "workspace_id", "started_at", "tenant", "team", "feature", "environment", "agent",
        "provider", "model", "region", "rate_version", "hit", "last_attempt", "request_succeeded",
        "waste_class", "cost_usd", "list_usd", "call_usd", "uses", "uses_usd",
        *(f"{b}_tokens" for b in TOKENS), *(f"{b}_usd" for b in TOKENS),
    )
)  # fmt: skip

LINES = f"""
SELECT {GROUP},
    count() AS calls, countIf(last_attempt) AS requests,
    countIf(last_attempt AND request_succeeded) AS successful_requests,
    sum(assumeNotNull(cost_usd)) AS total_usd, {wasted("cost_usd")} AS waste_usd,
    sum(ifNull(list_usd, assumeNotNull(cost_usd))) AS total_list_usd,
    count(list_usd) = count() AS has_list,
    arrayFilter(m -> m.2 > 0 OR m.3 != 0, [{METERS}]) AS meters,
    {paid("call_usd")} AS total_call_usd, {wasted("call_usd")} AS call_waste_usd,
    countIf(ifNull(call_usd, {ZERO}) != 0) AS charged_calls,
    sumMap(uses) AS total_uses, sumMapIf(uses, {WASTE}) AS wasted_uses,
    {paid("uses_usd")} AS total_uses_usd,
    {wasted("uses_usd")} AS uses_waste_usd
FROM
(
    SELECT charge.*, toStartOfHour(started_at) AS hour, {TOTAL_INPUT} AS total_input,
        toUInt32(toUnixTimestamp(started_at) % 86400) AS day_s,
        {which("rates.own")} AS own_rate, {which("rates.listed")} AS list_rate
    FROM
    (
        SELECT {READ}, {TIER} AS tier FROM charges FINAL WHERE {OF_SLICE}
    ) AS charge
    LEFT JOIN focus_rates AS rates ON rates.rate_version = charge.rate_version
        AND rates.provider = charge.provider AND rates.model = charge.model
        AND rates.tier = charge.tier AND rates.region = charge.region
)
GROUP BY {GROUP}
ORDER BY {GROUP}
"""


def focus_lines(ch: Warehouse, workspace_id: int, span: Range) -> Iterator[FocusLine]:
    """Yield the charged lines of a slice in constant memory, by hour and then by dimension.

    Calls without a cost aren't among them: see `unpriced`. The connection is busy until the last
    line is taken.
    """
    params = {
        "workspace_id": workspace_id,
        "start": span.start,
        "end": span.end,
        "tiers": list(TIERS),
    }
    fill_rates(ch, params, SETTINGS)
    rates = read_rates(ch)
    for row in ch.stream(LINES, params, settings=SETTINGS):
        yield as_line(row, rates)


def as_line(row: dict[str, Any], rates: Rates) -> FocusLine:
    key = (row["rate_version"], row["provider"], row["model"], row["tier"], row["region"])
    own, listed = rates.get(key, NONE)
    return FocusLine(
        hour=row["hour"],
        tenant=row["tenant"],
        team=row["team"],
        feature=row["feature"],
        environment=row["environment"],
        agent=row["agent"],
        provider=row["provider"],
        model=row["model"],
        service_tier=row["tier"],
        region=row["region"],
        rate_version=row["rate_version"],
        hit=bool(row["hit"]),
        calls=row["calls"],
        requests=row["requests"],
        successful_requests=row["successful_requests"],
        cost_usd=row["total_usd"],
        waste_usd=row["waste_usd"],
        list_usd=row["total_list_usd"] if row["has_list"] else None,
        meters=tuple(Metered(TOKENS[i], *rest) for i, *rest in row["meters"]),
        call_usd=row["total_call_usd"],
        call_waste_usd=row["call_waste_usd"],
        charged_calls=row["charged_calls"],
        uses=row["total_uses"],
        wasted_uses=row["wasted_uses"],
        uses_usd=row["total_uses_usd"],
        uses_waste_usd=row["uses_waste_usd"],
        contracted=own[row["own_rate"]],
        listed=listed[row["list_rate"]],
    )

"""Sums by hour: usage_hourly of the hours that a batch wrote charges in, rebuilt as a whole."""

from __future__ import annotations

from finops.clickhouse.client import Warehouse
from finops.costing.gather import BUCKETS, HOUR
from finops.costing.judge import WRITTEN

DIMENSIONS = "workspace_id, hour, tenant, team, feature, environment, operation, provider, model"
WASTE = ("clean", "retry", "failed", "fallback", "aborted", "duplicate")
ZERO = "toDecimal128(0, 12)"

MEASURES = {
    "calls": "countIf(counted)",
    "requests": "countIf(counted AND last_attempt)",
    "successful_requests": "countIf(counted AND last_attempt AND request_succeeded)",
    "unpriced_calls": "countIf(counted AND isNull(cost_usd))",
    "uncounted_calls": "countIf(NOT counted AND NOT was_there)",
    **{f"{b}_tokens": f"sumIf(toUInt64(ifNull({b}_tokens, 0)), counted)" for b in BUCKETS},
    "cost_usd": f"sumIf(ifNull(cost_usd, {ZERO}), counted)",
    **{
        f"{name}_cost_usd": f"sumIf(ifNull(cost_usd, {ZERO}), counted AND waste_class = '{name}')"
        for name in WASTE
    },
    "list_usd": f"sumIf(ifNull(list_usd, {ZERO}), counted)",
    "inferred_waste_usd": f"""sumIf(ifNull(cost_usd, {ZERO}), counted AND waste_inferred
        AND waste_class NOT IN ('clean', 'duplicate'))""",
    "discount_saving_usd": f"sumIf(ifNull(discount_saving_usd, {ZERO}), counted)",
    "provider_cache_saving_usd": f"sumIf(ifNull(provider_cache_saving_usd, {ZERO}), counted)",
    "response_cache_saving_usd": f"sumIf(ifNull(response_cache_saving_usd, {ZERO}), counted)",
}
USD = """cost_usd, list_usd, discount_saving_usd, provider_cache_saving_usd,
    response_cache_saving_usd"""
# Columns carry the names of what they're summed from, so the sums are named apart first.
SUMS = ", ".join(f"{sql} AS sum_{name}" for name, sql in MEASURES.items())

CHARGED = """
    FROM charges FINAL
    PREWHERE (workspace_id, toStartOfHour(started_at)) IN (SELECT workspace_id, hour FROM touched)
    WHERE started_at >= {start:DateTime64(6, 'UTC')} AND started_at < {end:DateTime64(6, 'UTC')}
"""

# One insert for the new sums and for the groups that are gone, so no reader sees half of them.
ROLL_UP = f"""
INSERT INTO usage_hourly ({DIMENSIONS}, {", ".join(MEASURES)}, is_deleted, version)
SELECT {DIMENSIONS}, {", ".join(f"sum_{name}" for name in MEASURES)}, gone, {{version:UInt64}}
FROM
(
    SELECT {DIMENSIONS}, {SUMS}, min(was_there) AS gone
    FROM
    (
        SELECT workspace_id, toStartOfHour(started_at) AS hour,
            tenant, team, feature, environment, operation, provider, model,
            counted, last_attempt, request_succeeded, waste_class, waste_inferred,
            {", ".join(f"{bucket}_tokens" for bucket in BUCKETS)}, {USD}, 0 AS was_there
        {CHARGED}
        UNION ALL
        SELECT {DIMENSIONS}, 0, 0, 0, '', 0, {", ".join("NULL" for _ in BUCKETS)},
            {", ".join(ZERO for _ in USD.split(","))}, 1
        FROM usage_hourly FINAL
        WHERE (workspace_id, hour) IN (SELECT workspace_id, hour FROM touched)
    )
    GROUP BY {DIMENSIONS}
)
"""

TOUCHED = "workspace_id UInt64, hour DateTime('UTC')"
# A day less than the TTL of the charges, so that no hour is half forgotten.
CHARGES_DAYS = 799
TOUCH = f"""
INSERT INTO touched
SELECT DISTINCT workspace_id, hour FROM near
WHERE {WRITTEN} AND hour > now('UTC') - toIntervalDay({{days:UInt16}})
"""


def start_touching(ch: Warehouse) -> None:
    """Forget which hours were charged; `touch` adds them batch by batch."""
    ch.command(f"CREATE OR REPLACE TEMPORARY TABLE touched ({TOUCHED}) ENGINE = Memory")


def touch(ch: Warehouse) -> None:
    """Add the hours that the last batch has judged calls in.

    Sums outlive charges: an hour whose charges are forgotten can't be summed again, so a straggler
    that old leaves the sums as they are.
    """
    ch.command(TOUCH, {"days": CHARGES_DAYS})


def roll_up(ch: Warehouse, *, version: int) -> int:
    """Rebuild usage_hourly of the touched hours; returns their number."""
    (span,) = ch.query(
        "SELECT min(hour) AS first, max(hour) AS last, uniqExact(workspace_id, hour) AS hours"
        " FROM touched"
    )
    if span["hours"]:
        ch.command(
            ROLL_UP,
            {"version": version, "start": span["first"], "end": span["last"] + HOUR},
            settings={"optimize_on_insert": 0},
        )
    return int(span["hours"])

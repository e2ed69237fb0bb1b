"""Charge the judged calls inside ClickHouse: a row of `charges` for each of them.

A call that didn't count, a refused request and a hit in the client's own cache cost nothing; a call
whose rate or usage isn't known costs NULL and says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from finops.clickhouse.client import Warehouse
from finops.costing.bequeath import LEFT
from finops.costing.gather import BUCKETS, HIT, HOUR, TARIFF_KEY, Near
from finops.costing.judge import ALONE, WRITTEN
from finops.costing.tariffs import fill_tariffs, tables_for_tariffs, tiers
from finops.costing.worth import FREE, Worth, range_of, seen_of
from finops.pricing.models import RateVersion

OF_CALL = (
    "workspace_id", "trace_id", "span_id", "started_at", "tenant", "user_id", "team", "feature",
    "environment", "agent", "operation", "provider", "model", "region", "service_tier",
    "action_id", "action_name", "request_id", "attempt", "outcome", "duration_ms", "queue_ms",
    "ttft_ms", *(f"{bucket}_tokens" for bucket in BUCKETS), "uses", "hit",
)  # fmt: skip
COPIED = (*OF_CALL, *ALONE)
DAY_S = "toUInt32(toUnixTimestamp(started_at) % 86400)"

WANT = """
INSERT INTO wanted
SELECT tariff_key, any(workspace_id), any(provider), any(model), any(service_tier), any(region)
FROM near
GROUP BY tariff_key
"""
LOOK = """
SELECT min(hour) AS first, max(hour) AS last, groupBitOr(said) AS said, max(used) AS used,
    (SELECT count() FROM inferred) > 0 AS inferred,
    (SELECT count() FROM bequests) > 0 AS bequests
FROM near
"""

# PREWHERE picks by span id alone, which costs a third of the whole key; the filter is exact.
FROM_CALLS = """
    FROM calls FINAL
    PREWHERE (workspace_id, toStartOfHour(started_at)) IN (
            SELECT workspace_id, hour FROM reach WHERE written)
        {among_near}
    WHERE started_at >= {{start:DateTime64(6, 'UTC')}}
        AND started_at < {{end:DateTime64(6, 'UTC')}}
        {exactly}
"""
AMONG_NEAR = """AND reinterpretAsUInt64(span_id) IN (
            SELECT reinterpretAsUInt64(span_id) FROM near)"""
EXACTLY = f"AND span_key IN (SELECT span_key FROM near WHERE {WRITTEN})"


def judged(near: Near, *, inferred: bool, bequests: bool) -> str:
    """SQL of the judged calls: the columns that are copied, and `tariff_key`."""
    whole = {"among_near": "", "exactly": ""}
    part = {"among_near": AMONG_NEAR, "exactly": EXACTLY}
    verdict = ", ".join(
        f"if(judged_span = 0, alone_{name}, verdicts.{name}) AS {name}" for name in ALONE
    )
    joins = ["LEFT ANY JOIN verdicts ON judged_span = span_key"]
    if inferred:
        joins.append("LEFT ANY JOIN inferred ON inferred_span = span_key")
    if bequests:
        joins.append("LEFT ANY JOIN bequests ON bequest_span = span_key")
    return f"""
    SELECT tariff_key, {verdict},
        {", ".join(column(name, inferred=inferred, bequests=bequests) for name in OF_CALL)}
    FROM
    (
        SELECT *, if(model_served = '', model_requested, model_served) AS model, {HIT} AS hit,
            cityHash64('span', workspace_id, trace_id, span_id) AS span_key,
            {TARIFF_KEY} AS tariff_key,
            {", ".join(f"{sql} AS alone_{name}" for name, sql in ALONE.items())}
        {FROM_CALLS.format_map(whole if near.whole else part)}
    ) AS c
    {" ".join(joins)}"""


def column(name: str, *, inferred: bool, bequests: bool) -> str:
    """SQL of a column of the call, or of what a row that repeats it says."""
    own = f"c.{name}"
    if bequests and name in LEFT:
        own = f"if(c.{name} = '', bequests.{name}, c.{name})"
    if name == "action_id":
        own = f"if({own} = '', lower(hex(c.trace_id)), {own})"
    if inferred and name in ("request_id", "attempt"):
        guess = "inferred_id" if name == "request_id" else "inferred_attempt"
        own = f"if(inferred_span = 0, {own}, {guess})"
    return f"{own} AS {name}"


def charge_statement(source: str, worth: Worth) -> str:
    """SQL that writes charges for the rows of `source`, which has COPIED and `tariff_key`."""
    money = worth.money
    sides = ["rate", *(["list"] if worth.offers.contracts else [])]
    ranges = {"rate": "ranges", "list": "list_ranges"}
    numbers = ", ".join(f"{range_of(ranges[side])} AS {side}_no" for side in sides)
    joins = "\n".join(
        f"LEFT ANY JOIN ({worth.rates(side)}) AS {side}s ON {side}_number = {side}_no"
        for side in sides
    )
    products = ", ".join(sql for side in sides for sql in worth.products(side))
    return f"""
INSERT INTO charges ({", ".join((*COPIED, *money))}, rate_version, version)
SELECT {", ".join(COPIED)}, {", ".join(f"{sql} AS {name}" for name, sql in money.items())},
    {{rate_version:UInt32}}, {{version:UInt64}}
FROM
(
    SELECT *, {worth.state} AS state, state = {FREE} OR hit AS nothing,
        {worth.cache_saving} AS cache_saving, {products}
    FROM
    (
        SELECT *, {numbers}
        FROM
        (
            SELECT *, {worth.total_input} AS total_input, {DAY_S} AS day_s FROM ({source})
        ) AS s
        LEFT ANY JOIN tariffs ON tariffs.tariff_key = s.tariff_key
    ) AS rated
    {joins}
)
"""


SETTINGS: Mapping[str, Any] = {
    # Evaluating each branch for its own rows only makes the same products be worked out many times
    # over: measured, four times slower.
    "short_circuit_function_evaluation": "disable",
    # A statement writes a key once; to look for a second one before storing costs half as much
    # again as all else.
    "optimize_on_insert": 0,
}


def price(ch: Warehouse, rates: RateVersion, near: Near, *, version: int, now: datetime) -> None:
    """Write a charge for each judged call, as `version` of the ledger."""
    tables_for_tariffs(ch)
    ch.command(WANT)
    (found,) = ch.query(LOOK)
    start, end = found["first"], found["last"] + HOUR
    offers = fill_tariffs(ch, rates, start=start, end=end, now=now)
    source = judged(near, inferred=bool(found["inferred"]), bequests=bool(found["bequests"]))
    ch.command(
        charge_statement(source, Worth(seen_of(found["said"], found["used"]), offers)),
        {
            **tiers(),
            "rate_version": rates.number,
            "version": version,
            "start": start,
            "end": end,
        },
        settings=SETTINGS,
    )

"""The published rates as a workspace sees them: its own timelines before the list's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from finops.clickhouse.client import Warehouse
from finops.pricing.catalogue import PACKAGE
from finops.pricing.meters import METERS
from finops.pricing.rate import BUCKETS, Rate
from finops.pricing.rate_row import rate_of

USED_SINCE = timedelta(days=30)
MOST_TEXT = 200

# What a workspace used lately, by the key of the rate that its names lead to.
USED = """
SELECT if(alias.rate_model = '', usage.provider, alias.rate_provider) AS provider,
    if(alias.rate_model = '', usage.model, alias.rate_model) AS model,
    sum(usage.calls) AS used_calls, sum(usage.cost_usd) AS used_usd
FROM
(
    SELECT provider, model, sum(calls) AS calls, sum(cost_usd) AS cost_usd
    FROM usage_hourly FINAL
    WHERE workspace_id = {workspace:UInt64} AND hour >= {since:DateTime('UTC')}
    GROUP BY provider, model
) AS usage
LEFT JOIN
(
    SELECT provider, model, rate_provider, rate_model FROM rate_aliases FINAL
    WHERE rate_version = {number:UInt32} AND workspace_id = {workspace:UInt64}
) AS alias ON alias.provider = usage.provider AND alias.model = usage.model
GROUP BY provider, model
"""
OWN = """
SELECT provider, model FROM rates
WHERE rate_version = {number:UInt32} AND workspace_id = {workspace:UInt64}
"""
NOW = f"""
SELECT rate.*, used.used_calls AS used_calls, used.used_usd AS used_usd,
    count() OVER () AS found
FROM
(
    SELECT *, count() OVER (
        PARTITION BY workspace_id, provider, model, service_tier, region) AS cells
    FROM rates FINAL
    WHERE rate_version = {{number:UInt32}} AND workspace_id IN (0, {{workspace:UInt64}})
        AND valid_from <= {{now:DateTime('UTC')}} AND valid_to > {{now:DateTime('UTC')}}
        AND (workspace_id != 0 OR (provider, model) NOT IN ({OWN}))
) AS rate
LEFT JOIN ({USED}) AS used ON used.provider = rate.provider AND used.model = rate.model
WHERE context_above = 0
    AND daily_from_s <= {{second:UInt32}} AND daily_to_s > {{second:UInt32}}
    AND (empty({{provider:String}}) OR rate.provider = {{provider:String}})
    AND ({{tier:String}} = ''
        OR service_tier = if({{tier:String}} = 'standard', '', {{tier:String}}))
    AND (NOT {{own:UInt8}} OR (workspace_id != 0 AND source != '{PACKAGE}'))
    AND arrayAll(word -> positionCaseInsensitiveUTF8(
        concat(rate.provider, '/', rate.model), word) > 0, {{words:Array(String)}})
    AND METER
ORDER BY used_usd DESC, used_calls DESC, rate.provider, rate.model, service_tier, region
LIMIT {{limit:UInt32}} OFFSET {{offset:UInt32}}
"""
OF_MODEL = """
SELECT * FROM rates FINAL
WHERE rate_version = {number:UInt32} AND workspace_id IN (0, {workspace:UInt64})
    AND provider = {provider:String} AND model = {model:String}
"""
OF_VERSION = """
SELECT * FROM rates FINAL
WHERE rate_version = {number:UInt32} AND workspace_id IN (0, {workspace:UInt64})
ORDER BY provider, model
"""
PROVIDERS = """
SELECT DISTINCT provider FROM rates
WHERE rate_version = {number:UInt32} AND workspace_id IN (0, {workspace:UInt64})
ORDER BY provider
"""


@dataclass(frozen=True, slots=True)
class RateSearch:
    """What is looked for; '' is not asked. `tier` 'standard' is the tier ''."""

    text: str = ""
    provider: str = ""
    tier: str = ""
    meter: str = ""
    own: bool = False


@dataclass(frozen=True, slots=True)
class RateNow:
    """A rate that holds now for the smallest requests; `cells` counts it and its dearer sizes."""

    rate: Rate
    cells: int
    used_calls: int
    used_usd: Decimal


@dataclass(frozen=True, slots=True)
class RatePage:
    """Some of the rates that were found, those that the workspace used first."""

    rates: list[RateNow]
    found: int


def rates_now(
    ch: Warehouse,
    workspace_id: int,
    number: int,
    search: RateSearch,
    *,
    now: datetime,
    limit: int,
    offset: int = 0,
) -> RatePage:
    """Return the rates of version `number` that hold now; raises WarehouseError."""
    rows = ch.query(
        NOW.replace("METER", meter_condition(search.meter)),
        {
            "workspace": workspace_id,
            "number": number,
            "now": now.replace(microsecond=0),
            "second": now.hour * 3600 + now.minute * 60 + now.second,
            "since": (now - USED_SINCE).replace(minute=0, second=0, microsecond=0),
            "provider": search.provider,
            "tier": search.tier,
            "own": search.own,
            "words": search.text[:MOST_TEXT].split(),
            "limit": limit,
            "offset": offset,
        },
    )
    found = [
        RateNow(rate_of(row), row["cells"], row["used_calls"], row["used_usd"]) for row in rows
    ]
    return RatePage(found, rows[0]["found"] if rows else 0)


def meter_condition(meter: str) -> str:
    """SQL that a rate has a price for a meter; unknown names find nothing."""
    if not meter:
        return "1"
    if meter not in METERS:
        return "0"
    return f"isNotNull({meter}_usd)" if meter in BUCKETS else f"mapContains(uses_usd, '{meter}')"


def rates_of_model(
    ch: Warehouse, workspace_id: int, number: int, provider: str, model: str
) -> list[Rate]:
    """Return every rate of one model, list and the workspace's own; [] where there is none."""
    asked = {"workspace": workspace_id, "number": number, "provider": provider, "model": model}
    return [rate_of(row) for row in ch.query(OF_MODEL, asked)]


def rates_of_version(ch: Warehouse, workspace_id: int, number: int) -> list[Rate]:
    """Return a whole published version as a workspace sees it: own timelines replace the list's."""
    asked: dict[str, Any] = {"workspace": workspace_id, "number": number}
    rates = [rate_of(row) for row in ch.query(OF_VERSION, asked)]
    own = {(rate.provider, rate.model) for rate in rates if rate.workspace_id}
    return [rate for rate in rates if rate.workspace_id or (rate.provider, rate.model) not in own]


def rate_providers(ch: Warehouse, workspace_id: int, number: int) -> list[str]:
    """Return the providers that have rates, by name."""
    rows = ch.query(PROVIDERS, {"workspace": workspace_id, "number": number})
    return [row["provider"] for row in rows]

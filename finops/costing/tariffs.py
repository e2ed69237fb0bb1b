"""The rates that can apply to what some calls name, in temporary tables of the connection.

    wanted    the tariffs that the calls name; the caller fills it
    behind    the list's name for what a workspace has its own price for
    offers    the rates that fit each tariff, contracted and listed, with a number each
    tariffs   for each tariff when, and for how long an input, which offer holds

Of the rates for one tariff the workspace's own go before the list's, then the very tier and region
before the general ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from finops.clickhouse.client import Warehouse
from finops.costing.gather import BUCKETS, bits
from finops.pricing.aliases import ensure_aliases
from finops.pricing.list_names import list_names
from finops.pricing.models import RateVersion
from finops.pricing.rate import TIERS

PRICED = (*BUCKETS, "call")
WANTED = """
    tariff_key UInt64, workspace_id UInt64, provider LowCardinality(String),
    model LowCardinality(String), service_tier LowCardinality(String),
    region LowCardinality(String)"""
BEHIND = """
    workspace_id UInt64, provider String, model String, list_provider String, list_model String,
    list_from DateTime('UTC'), list_to DateTime('UTC')"""
OFFERS = f"""
    number UInt32, tariff_key UInt64, listed UInt8, own UInt8,
    context_above UInt64, context_upto UInt64, valid_from DateTime('UTC'),
    valid_to DateTime('UTC'), daily_from_s UInt32, daily_to_s UInt32,
    lacking UInt16, uses_usd Map(LowCardinality(String), Decimal(38, 18)),
    {", ".join(f"{name} Decimal(38, 18)" for name in PRICED)}"""
RANGES = """Array(Tuple(number UInt32, context_above UInt64, context_upto UInt64,
    valid_from DateTime('UTC'), valid_to DateTime('UTC'), daily_from_s UInt32,
    daily_to_s UInt32))"""
TARIFFS = f"tariff_key UInt64, ranges {RANGES}, list_ranges {RANGES}"

MISSING_PAIRS = """
SELECT DISTINCT workspace_id, provider, model
FROM wanted
WHERE model != '' AND (workspace_id, provider, model) NOT IN (
    SELECT workspace_id, provider, model FROM rate_aliases
    WHERE rate_version = {rate_version:UInt32}
)
"""
# All of them once one workspace has rates of its own: the others' calls in the same statement are
# set against the list, too.
PAIRS_BESIDE_OWN = """
SELECT DISTINCT workspace_id, provider, model
FROM wanted
WHERE model != '' AND (
    SELECT count() FROM rates
    WHERE rate_version = {rate_version:UInt32} AND workspace_id != 0
        AND workspace_id IN (SELECT workspace_id FROM wanted)
) > 0
"""
LEADS = """
    SELECT w.tariff_key AS tariff_key, w.workspace_id AS buyer, w.service_tier AS tier,
        w.region AS place, a.rate_provider AS led_provider, a.rate_model AS led_model,
        0 AS listed, toDateTime(0, 'UTC') AS led_from, toDateTime('2100-01-01', 'UTC') AS led_to
    FROM wanted AS w
    INNER JOIN (
        SELECT * FROM rate_aliases FINAL WHERE rate_version = {rate_version:UInt32}
    ) AS a ON a.workspace_id = w.workspace_id AND a.provider = w.provider AND a.model = w.model
    UNION ALL
    SELECT w.tariff_key, w.workspace_id, w.service_tier, w.region, b.list_provider, b.list_model,
        1, b.list_from, b.list_to
    FROM wanted AS w
    INNER JOIN behind AS b ON b.workspace_id = w.workspace_id AND b.provider = w.provider
        AND b.model = w.model"""
FILL_OFFERS = f"""
INSERT INTO offers
SELECT row_number() OVER (), tariff_key, listed, rate_workspace != 0,
    context_above, context_upto, greatest(valid_from, led_from), least(valid_to, led_to),
    daily_from_s, daily_to_s, {bits(PRICED, "isNull({}_usd)")}, uses_usd,
    {", ".join(f"ifNull({name}_usd, toDecimal128(0, 18))" for name in PRICED)}
FROM
(
    SELECT *, (rate_workspace != 0, service_tier != '', region != '') AS fit,
        max(fit) OVER (PARTITION BY tariff_key, listed, led_from) AS best
    FROM (
        SELECT l.*, r.* EXCEPT (workspace_id), r.workspace_id AS rate_workspace
        FROM ({LEADS}) AS l
        INNER JOIN (
            SELECT * FROM rates FINAL WHERE rate_version = {{rate_version:UInt32}}
        ) AS r ON r.provider = l.led_provider AND r.model = l.led_model
        WHERE (r.workspace_id = 0 OR (r.workspace_id = l.buyer AND NOT l.listed))
            AND r.service_tier IN ('', l.tier) AND r.region IN ('', l.place)
    )
)
WHERE fit = best AND greatest(valid_from, led_from) < least(valid_to, led_to)
    AND least(valid_to, led_to) > {{start:DateTime('UTC')}}
    AND greatest(valid_from, led_from) < {{end:DateTime('UTC')}}
"""
RANGE = """(number, context_above, context_upto, valid_from, valid_to, daily_from_s,
    daily_to_s)"""
FILL_TARIFFS = f"""
INSERT INTO tariffs
SELECT tariff_key, groupArrayIf({RANGE}, NOT listed), groupArrayIf({RANGE}, listed)
FROM offers
GROUP BY tariff_key
"""
LOOK = f"""
SELECT count() > 0 AND max(own) AS contracts, groupBitOr(lacking) AS lacking,
    max(call != 0) AS call_fee,
    min({" AND ".join(f"{name} = toDecimal128({name}, 12)" for name in PRICED)}) AS short
FROM offers
"""


@dataclass(frozen=True, slots=True)
class Offers:
    """What the rates of some calls are like, so that a statement works out only what it must.

    `contracts`: some are a workspace's own, so that list prices differ; `lacking`: what some have
    no price for; `call_fee`: some have one; `short`: no price has more than 12 places.
    """

    contracts: bool
    lacking: frozenset[str]
    call_fee: bool
    short: bool


def tables_for_tariffs(ch: Warehouse) -> None:
    """Make `wanted` and the others, empty."""
    tables = {"wanted": WANTED, "behind": BEHIND, "offers": OFFERS, "tariffs": TARIFFS}
    for name, columns in tables.items():
        ch.command(f"CREATE OR REPLACE TEMPORARY TABLE {name} ({columns}) ENGINE = Memory")


def fill_tariffs(
    ch: Warehouse, rates: RateVersion, *, start: datetime, end: datetime, now: datetime
) -> Offers:
    """Find the rates for what `wanted` names, for calls that start in [start, end)."""
    number: dict[str, Any] = {"rate_version": rates.number}
    ensure_aliases(ch, rates, pairs(ch.query(MISSING_PAIRS, number)), now=now)
    if beside := pairs(ch.query(PAIRS_BESIDE_OWN, number)):
        ch.insert("behind", rows_of(list_names(beside)))
    ch.command(FILL_OFFERS, {**number, "start": start, "end": end})
    ch.command(FILL_TARIFFS)
    (found,) = ch.query(LOOK)
    return Offers(
        contracts=bool(found["contracts"]),
        lacking=frozenset(
            name for place, name in enumerate(PRICED) if found["lacking"] >> place & 1
        ),
        call_fee=bool(found["call_fee"]),
        short=bool(found["short"]),
    )


def pairs(rows: Sequence[dict[str, Any]]) -> list[tuple[int, str, str]]:
    return [(row["workspace_id"], row["provider"], row["model"]) for row in rows]


BEHIND_COLUMNS = tuple(line.split()[0] for line in BEHIND.split(",") if line.strip())


def rows_of(names: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    return {column: [name[place] for name in names] for place, column in enumerate(BEHIND_COLUMNS)}


def tiers() -> dict[str, list[str]]:
    return {"tiers": list(TIERS)}

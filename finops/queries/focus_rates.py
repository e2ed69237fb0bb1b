"""Which prices the charges of some hours were made with, by tariff.

A tariff is rate version, provider, model, tier and region. Its candidates are chosen as the charge
job chooses them; which of a tariff's rates holds for a call depends on the call's size and time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from finops.clickhouse.client import Warehouse
from finops.pricing.rate import BUCKETS


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """USD per token, per call and per use of one rate; compared by identity, so cheap as a key."""

    per: Mapping[str, Decimal | None]
    uses: Mapping[str, Decimal]


NO_PRICES = Prices({}, {})


RANGE = "context_above, context_upto, valid_from, valid_to, daily_from_s, daily_to_s"
RANGE_TYPE = (
    "context_above UInt64, context_upto UInt64, valid_from DateTime('UTC'), "
    "valid_to DateTime('UTC'), daily_from_s UInt32, daily_to_s UInt32"
)
PRICES = ", ".join(f"{bucket}_usd" for bucket in BUCKETS)
PRICES_TYPE = ", ".join(f"{bucket} Nullable(Decimal(38, 18))" for bucket in BUCKETS)
USES_TYPE = "Map(LowCardinality(String), Decimal(38, 18))"
KEY = "rate_version, provider, model, tier, region"
TIER = "if(lower(service_tier) IN {tiers:Array(String)}, lower(service_tier), '')"

NEW_RATES = f"""
CREATE OR REPLACE TEMPORARY TABLE focus_rates
(
    rate_version UInt32, provider LowCardinality(String), model LowCardinality(String),
    tier LowCardinality(String), region LowCardinality(String),
    own Array(Tuple({RANGE_TYPE})), listed Array(Tuple({RANGE_TYPE})),
    own_prices Array(Tuple({PRICES_TYPE})), listed_prices Array(Tuple({PRICES_TYPE})),
    own_uses Array({USES_TYPE}), listed_uses Array({USES_TYPE})
) ENGINE = Memory
"""

OF_SLICE = (
    "workspace_id = {workspace_id:UInt64} AND started_at >= {start:DateTime64(6, 'UTC')} "
    "AND started_at < {end:DateTime64(6, 'UTC')} AND counted = 1 AND isNotNull(cost_usd)"
)

# The candidates of each tariff, chosen as the charge job chooses them: the workspace's own before
# the list's, then the very tier and region before the general ones. Sorted, so that a number names
# one of them.
FILL_RATES = f"""
INSERT INTO focus_rates
SELECT {KEY},
    arrayMap(r -> r.1, own_rates), arrayMap(r -> r.1, list_rates),
    arrayMap(r -> r.2, own_rates), arrayMap(r -> r.2, list_rates),
    arrayMap(r -> r.3, own_rates), arrayMap(r -> r.3, list_rates)
FROM
(
    SELECT {KEY},
        arraySort(r -> r.1, groupArrayIf(candidate, fit = best)) AS own_rates,
        arraySort(r -> r.1, groupArrayIf(candidate, is_list AND list_fit = list_best)) AS list_rates
    FROM
    (
        SELECT wanted.rate_version AS rate_version, wanted.provider AS provider,
            wanted.model AS model, wanted.tier AS tier, wanted.region AS region,
            (({RANGE}), ({PRICES}), uses_usd) AS candidate,
            rate.workspace_id = 0 AS is_list,
            (rate.workspace_id != 0, rate.service_tier != '', rate.region != '') AS fit,
            (rate.service_tier != '', rate.region != '') AS list_fit,
            max(fit) OVER (PARTITION BY {KEY}) AS best,
            max(if(is_list, list_fit, (0, 0))) OVER (PARTITION BY {KEY}) AS list_best
        FROM
        (
            SELECT DISTINCT rate_version, provider, model, {TIER} AS tier, region
            FROM charges FINAL WHERE {OF_SLICE}
        ) AS wanted
        INNER JOIN
        (
            SELECT * FROM rate_aliases FINAL WHERE workspace_id = {{workspace_id:UInt64}}
        ) AS alias
            ON alias.rate_version = wanted.rate_version AND alias.provider = wanted.provider
            AND alias.model = wanted.model
        INNER JOIN
        (
            SELECT * FROM rates FINAL WHERE workspace_id IN (0, {{workspace_id:UInt64}})
        ) AS rate
            ON rate.rate_version = wanted.rate_version AND rate.provider = alias.rate_provider
            AND rate.model = alias.rate_model
        WHERE rate.service_tier IN ('', wanted.tier) AND rate.region IN ('', wanted.region)
    )
    GROUP BY {KEY}
)
"""


def which(rates: str) -> str:
    """SQL of the number of the rate that holds for a call, from 1; 0 where none does."""
    return f"""arrayFirstIndex(r ->
        (r.context_above = 0 OR total_input > r.context_above) AND total_input <= r.context_upto
        AND started_at >= r.valid_from AND started_at < r.valid_to
        AND day_s >= r.daily_from_s AND day_s < r.daily_to_s, {rates})"""


def fill_rates(ch: Warehouse, params: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Make the temporary table `focus_rates` for the charges of OF_SLICE."""
    ch.command(NEW_RATES)
    ch.command(FILL_RATES, params, settings=settings)


RATES = f"SELECT {KEY}, own_prices, listed_prices, own_uses, listed_uses FROM focus_rates"

Tariff = tuple[int, str, str, str, str]
Rates = dict[Tariff, tuple[list[Prices], list[Prices]]]


def read_rates(ch: Warehouse) -> Rates:
    """The prices of the slice by tariff; position 0 is "none"."""
    found: Rates = {}
    for row in ch.query(RATES):
        key = (row["rate_version"], row["provider"], row["model"], row["tier"], row["region"])
        found[key] = (
            priced(row["own_prices"], row["own_uses"]),
            priced(row["listed_prices"], row["listed_uses"]),
        )
    return found


def priced(
    prices: list[tuple[Decimal | None, ...]], uses: list[dict[str, Decimal]]
) -> list[Prices]:
    return [
        NO_PRICES,
        *(
            Prices(dict(zip(BUCKETS, one, strict=True)), dict(of_use))
            for one, of_use in zip(prices, uses, strict=True)
        ),
    ]


NONE: tuple[list[Prices], list[Prices]] = ([NO_PRICES], [NO_PRICES])

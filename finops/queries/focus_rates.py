"""Which prices the charges of some hours were made with, by tariff.

A tariff is rate version, provider, model, tier and region. Its candidates are chosen as the charge
job chooses them; which of a tariff's rates holds for a call depends on the call's size and time.

Temporary tables of the connection:

    focus_wanted   the tariffs of the charges
    focus_behind   the list's name for what the workspace has its own price for, and when
    focus_rates    the rates of each tariff, contracted and listed
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from finops.clickhouse.client import Warehouse
from finops.pricing.list_names import list_names
from finops.pricing.rate import BUCKETS


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """USD per token, per call and per use of one rate; compared by identity, so cheap as a key."""

    per: Mapping[str, Decimal | None]
    uses: Mapping[str, Decimal]


NO_PRICES = Prices({}, {})


RANGE_TYPE = (
    "context_above UInt64, context_upto UInt64, valid_from DateTime('UTC'), "
    "valid_to DateTime('UTC'), daily_from_s UInt32, daily_to_s UInt32"
)
PRICES = ", ".join(f"{bucket}_usd" for bucket in BUCKETS)
PRICES_TYPE = ", ".join(f"{bucket} Nullable(Decimal(38, 18))" for bucket in BUCKETS)
USES_TYPE = "Map(LowCardinality(String), Decimal(38, 18))"
KEY = "rate_version, provider, model, tier, region"
TIER = "if(lower(service_tier) IN {tiers:Array(String)}, lower(service_tier), '')"

NEW_WANTED = """
CREATE OR REPLACE TEMPORARY TABLE focus_wanted
(
    rate_version UInt32, provider LowCardinality(String), model LowCardinality(String),
    tier LowCardinality(String), region LowCardinality(String)
) ENGINE = Memory
"""
NEW_BEHIND = """
CREATE OR REPLACE TEMPORARY TABLE focus_behind
(
    provider LowCardinality(String), model LowCardinality(String), list_provider String,
    list_model String, list_from DateTime('UTC'), list_to DateTime('UTC')
) ENGINE = Memory
"""
BEHIND = ("provider", "model", "list_provider", "list_model", "list_from", "list_to")
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

FILL_WANTED = f"""
INSERT INTO focus_wanted
SELECT DISTINCT {KEY} FROM (
    SELECT rate_version, provider, model, {TIER} AS tier, region
    FROM charges FINAL WHERE {OF_SLICE}
)
"""
ALIASES = "SELECT * FROM rate_aliases FINAL WHERE workspace_id = {workspace_id:UInt64}"
OWN_PAIRS = f"""
SELECT DISTINCT wanted.provider AS provider, wanted.model AS model
FROM focus_wanted AS wanted
INNER JOIN ({ALIASES}) AS alias
    ON alias.rate_version = wanted.rate_version AND alias.provider = wanted.provider
    AND alias.model = wanted.model
WHERE (wanted.rate_version, alias.rate_provider, alias.rate_model) IN (
    SELECT rate_version, provider, model FROM rates WHERE workspace_id = {{workspace_id:UInt64}}
)
"""
# What a tariff leads to for its contracted prices (listed = 0) and for those of the list. A name
# without a price of its own leads to the same for both.
LEADS = f"""
    SELECT wanted.*, alias.rate_provider AS led_provider, alias.rate_model AS led_model,
        arrayJoin(if((provider, model) IN (SELECT provider, model FROM focus_behind),
            [0], [0, 1])) AS listed,
        toDateTime(0, 'UTC') AS led_from, toDateTime('2100-01-01', 'UTC') AS led_to
    FROM focus_wanted AS wanted
    INNER JOIN ({ALIASES}) AS alias
        ON alias.rate_version = wanted.rate_version AND alias.provider = wanted.provider
        AND alias.model = wanted.model
    UNION ALL
    SELECT wanted.*, behind.list_provider, behind.list_model, 1, behind.list_from, behind.list_to
    FROM focus_wanted AS wanted
    INNER JOIN focus_behind AS behind
        ON behind.provider = wanted.provider AND behind.model = wanted.model
"""
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
        arraySort(r -> r.1, groupArrayIf(candidate, NOT listed)) AS own_rates,
        arraySort(r -> r.1, groupArrayIf(candidate, listed)) AS list_rates
    FROM
    (
        SELECT lead.rate_version AS rate_version, lead.provider AS provider, lead.model AS model,
            lead.tier AS tier, lead.region AS region, lead.listed AS listed,
            greatest(rate.valid_from, lead.led_from) AS holds_from,
            least(rate.valid_to, lead.led_to) AS holds_to,
            ((context_above, context_upto, holds_from, holds_to, daily_from_s, daily_to_s),
                ({PRICES}), uses_usd) AS candidate,
            (rate.workspace_id != 0, rate.service_tier != '', rate.region != '') AS fit,
            max(fit) OVER (PARTITION BY {KEY}, listed, lead.led_from) AS best
        FROM ({LEADS}) AS lead
        INNER JOIN
        (
            SELECT * FROM rates FINAL WHERE workspace_id IN (0, {{workspace_id:UInt64}})
        ) AS rate
            ON rate.rate_version = lead.rate_version AND rate.provider = lead.led_provider
            AND rate.model = lead.led_model
        WHERE rate.service_tier IN ('', lead.tier) AND rate.region IN ('', lead.region)
            AND (rate.workspace_id = 0 OR NOT lead.listed)
    )
    WHERE fit = best AND holds_from < holds_to
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
    for statement in (NEW_WANTED, NEW_BEHIND, NEW_RATES):
        ch.command(statement)
    ch.command(FILL_WANTED, params, settings=settings)
    own = ch.query(OWN_PAIRS, params, settings=settings)
    pairs = [(params["workspace_id"], row["provider"], row["model"]) for row in own]
    if names := list_names(pairs) if pairs else []:
        ch.insert("focus_behind", {c: [n[i] for n in names] for i, c in enumerate(BEHIND, 1)})
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

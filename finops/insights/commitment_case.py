"""What to reserve, put together: assumptions, the plans of each term, and how sure they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from finops.insights.assumptions import Assumed, Assumption
from finops.insights.commitments import (
    Market,
    Offer,
    Plan,
    Sensitivity,
    Spot,
    all_on_demand,
    plans,
    sensitivities,
    units_needed,
)
from finops.insights.history import cautions, too_little
from finops.queries.demand import Demand

HUNDRED = Decimal(100)
OFFERS = "assumed; public offers for GPUs in 2026 lay between 20 % and 50 %: enter your quote"
QUOTE = "assumed: enter what your provider offers for a promise to spend"
HIGHEST_DISCOUNT = Decimal("99.9")

DISCOUNTS = (("discount_1y_percent", "1 year", 12), ("discount_3y_percent", "3 years", 36))
OF_SPEND = (
    Assumption(
        "discount_1y_percent", "Discount for 1 year", "%", Decimal(15), QUOTE,
        most=HIGHEST_DISCOUNT,
    ),
    Assumption(
        "discount_3y_percent", "Discount for 3 years", "%", Decimal(30), QUOTE,
        most=HIGHEST_DISCOUNT,
    ),
)  # fmt: skip
OF_POOL = (
    Assumption(
        "on_demand_usd", "On-demand price", "USD per GPU-hour", None, "not known: enter it",
        least=Decimal("0.001"), most=Decimal(100_000),
    ),
    Assumption(
        "discount_1y_percent", "Discount for 1 year", "%", Decimal(25), OFFERS,
        most=HIGHEST_DISCOUNT,
    ),
    Assumption(
        "discount_3y_percent", "Discount for 3 years", "%", Decimal(45), OFFERS,
        most=HIGHEST_DISCOUNT,
    ),
    Assumption(
        "target_utilisation_percent", "A GPU is at work for at most", "% of an hour", Decimal(70),
        "assumed: room for peaks within an hour", least=Decimal(1), most=HUNDRED,
    ),
    Assumption(
        "spot_share_percent", "Share that may be interrupted", "% of demand", Decimal(0),
        "assumed: nothing may, until you say so", most=HUNDRED,
    ),
    Assumption(
        "spot_discount_percent", "Discount of spot", "%", Decimal(40),
        "assumed; spot prices move: enter today's", most=HIGHEST_DISCOUNT,
    ),
    Assumption(
        "interruptions_per_day", "Interruptions of a spot GPU", "a day", Decimal(2), "assumed",
        most=Decimal(1440),
    ),
    Assumption(
        "lost_minutes", "Work lost by one", "minutes", Decimal(10),
        "assumed: loading the model again, and the work since the last request",
        most=Decimal(1440),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CommitmentCase:
    """All that is worked out for one demand; amounts are USD over its known hours.

    `plans` begin with the one that reserves nothing. `best` is the cheapest, and `recommended` says
    whether the past is long enough to name it.
    """

    demand: Demand
    needs: list[Decimal]
    market: Market
    offers: list[Offer]
    plans: list[Plan]
    best: Plan
    all_on_demand_usd: Decimal
    sensitivities: list[Sensitivity]
    cautions: list[str]
    recommended: bool


def measured_price(demand: Demand) -> dict[str, tuple[Decimal, str]]:
    """What a GPU-hour of the pool has cost so far: an on-demand price until one is entered."""
    if demand.paid_usd is None or not demand.billed_unit_hours:
        return {}
    price = (demand.paid_usd / demand.billed_unit_hours).quantize(Decimal("0.0001"))
    if price < OF_POOL[0].least:
        return {}
    return {"on_demand_usd": (price, "measured: what the pool's GPU-hours have cost on average")}


def commitment_case(demand: Demand, assumed: Mapping[str, Assumed]) -> CommitmentCase | None:
    """Work everything out; None where a price is missing or there is no hour at all."""
    known = {name: each.value for name, each in assumed.items() if each.value is not None}
    if not demand.hours or len(known) < len(assumed):
        return None
    of_pool = "on_demand_usd" in known
    price = known.get("on_demand_usd", Decimal(1))
    market = Market(price, spot_of(known, price) if of_pool else None, whole=of_pool)
    offers = [
        Offer(name, months, price * (1 - known[discount] / HUNDRED))
        for discount, name, months in DISCOUNTS
    ]
    utilisation = known.get("target_utilisation_percent", HUNDRED) / HUNDRED
    needs = units_needed(demand.hours, utilisation, market)
    found = plans(needs, offers, market)
    best = min(found, key=lambda plan: plan.total_usd)
    return CommitmentCase(
        demand=demand,
        needs=needs,
        market=market,
        offers=offers,
        plans=found,
        best=best,
        all_on_demand_usd=all_on_demand(needs, market),
        sensitivities=sensitivities(demand.hours, utilisation, best, market),
        cautions=cautions(demand.hours, demand.unknown_hours),
        recommended=not too_little(len(demand.hours)),
    )


def spot_of(known: Mapping[str, Decimal], price: Decimal) -> Spot:
    return Spot(
        unit_usd=price * (1 - known["spot_discount_percent"] / HUNDRED),
        share=known["spot_share_percent"] / HUNDRED,
        interruptions_per_hour=known["interruptions_per_day"] / 24,
        lost_hours=known["lost_minutes"] / 60,
    )

"""The four cards at the top: value, change, and how it is computed with its own numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from dashboards.amounts import Delta, Figure, count, delta, share, usd
from finops.queries import UnitCost
from finops.queries.unit_costs import divide

WASTE_WORDS = {
    "retry": "Retried",
    "failed": "Failed",
    "fallback": "Fallback",
    "aborted": "Aborted",
    "duplicate": "Duplicate",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One class of waste; `offset` and `percent` are its place in the bar of all waste."""

    name: str
    key: str
    amount: Figure
    offset: float
    percent: float


@dataclass(frozen=True, slots=True)
class Card:
    """A figure with its label; `aside` stands beside the value, `parts` below."""

    key: str
    label: str
    value: Figure
    change: Delta
    how: list[str]
    aside: str = ""
    aside_exact: str = ""
    parts: list[Part] = field(default_factory=list)


def cards(now: UnitCost, before: UnitCost | None) -> list[Card]:
    """Make the cards of a range; `before` is the range of equal length in front of it."""
    return [
        spend_card(now, before),
        unit_cost_card(now, before),
        waste_card(now, before),
        requests_card(now, before),
    ]


def spend_card(now: UnitCost, before: UnitCost | None) -> Card:
    how = [
        "Every call: tokens of each kind × the rate that held when the call started.",
        f"{count(now.calls).exact} calls, {count(now.unpriced_calls).exact} without a price.",
    ]
    return Card(
        key="spend",
        label="Spend",
        value=usd(now.cost_usd),
        aside=f"{count(now.calls).short} calls",
        change=delta(now.cost_usd, before.cost_usd if before else None, rise="bad"),
        how=how,
    )


def unit_cost_card(now: UnitCost, before: UnitCost | None) -> Card:
    clean = now.cost_per_successful_request_usd
    loaded = usd(now.loaded_cost_per_successful_request_usd)
    return Card(
        key="unit-cost",
        label="Cost per successful request",
        value=usd(clean),
        aside=f"{loaded.short} loaded",
        aside_exact=loaded.exact,
        change=delta(clean, before.cost_per_successful_request_usd if before else None, rise="bad"),
        how=[
            f"Clean cost {usd(now.clean_cost_usd).exact} ÷ "
            f"{count(now.successful_requests).exact} successful requests.",
            f"Loaded: all cost {usd(now.cost_usd).exact}, waste included, ÷ the same requests.",
        ],
    )


def waste_card(now: UnitCost, before: UnitCost | None) -> Card:
    waste = now.waste_cost_usd
    return Card(
        key="waste",
        label="Waste",
        value=usd(waste),
        aside=f"{share(now.waste_share)} of spend",
        change=delta(waste, before.waste_cost_usd if before else None, rise="bad"),
        parts=waste_parts(now),
        how=[
            "Cost of attempts that bought nothing: superseded by a retry or another model, in "
            "requests that never succeeded, cancelled, or repeated after a success.",
            f"{usd(now.cost_usd).exact} spent − {usd(now.clean_cost_usd).exact} clean.",
        ],
    )


def waste_parts(now: UnitCost) -> list[Part]:
    """The classes that cost something, the largest first."""
    amounts = [(key, cost) for key, cost in now.waste_by_class.items() if cost]
    parts: list[Part] = []
    offset = 0.0
    for key, cost in sorted(amounts, key=lambda pair: -pair[1]):
        of_waste = divide(cost, now.waste_cost_usd)
        percent = float(of_waste * 100) if of_waste else 0.0
        parts.append(Part(WASTE_WORDS[key], key, usd(cost), offset, percent))
        offset += percent
    return parts


def requests_card(now: UnitCost, before: UnitCost | None) -> Card:
    rate = divide(Decimal(now.successful_requests), now.requests)
    return Card(
        key="requests",
        label="Successful requests",
        value=count(now.successful_requests),
        aside=f"{share(rate)} of {count(now.requests).short}",
        change=delta(
            now.successful_requests, before.successful_requests if before else None, rise="good"
        ),
        how=[
            "A request is all attempts with one request id; it succeeds if its last attempt does.",
            f"{count(now.successful_requests).exact} of {count(now.requests).exact} requests, "
            f"in {count(now.calls).exact} calls.",
        ],
    )

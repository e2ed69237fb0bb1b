"""The four cards at the top: value, change, parts, and how it is computed with its own numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from dashboards.amounts import Delta, Figure, Tone, count, delta, share, usd
from dashboards.money import Money
from finops.queries import UnitCost
from finops.queries.unit_costs import divide

USD_ONLY = Money()
ZERO = Decimal(0)
WASTE_WORDS = {
    "retry": "Retried",
    "failed": "Failed",
    "fallback": "Fallback",
    "aborted": "Aborted",
    "duplicate": "Duplicate",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a card's value; `offset` and `percent` are its place in the bar of all parts."""

    name: str
    key: str
    amount: Figure
    offset: float
    percent: float


@dataclass(frozen=True, slots=True)
class Card:
    """A figure with its label; `aside` and `beside` stand below it, `parts` are what it is."""

    key: str
    label: str
    value: Figure
    aside: str
    change: Delta
    parts: list[Part]
    how: list[str]
    aside_exact: str = ""
    beside: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The period of equal length before, as far as it is known, and what it is called."""

    before: UnitCost | None
    name: str

    def change(self, now: Decimal | int | None, measure: str, *, rise: Tone) -> Delta:
        """How a measure changed; `rise` says what more of it means."""
        if self.before is None:
            return Delta("", "no comparison", "flat")
        if not self.before.calls:
            return Delta("", f"no calls in the {self.name} before", "flat")
        found = delta(now, getattr(self.before, measure), rise=rise)
        return Delta(found.arrow, f"{found.text} vs {self.name} before", found.tone)


@dataclass(frozen=True, slots=True)
class OwnGpus:
    """What a range's own GPUs took: calls that only they have a cost for, and their bill in USD.

    The bill is None where it isn't known or can't be told apart, as under a filter.
    """

    calls: int = 0
    bill_usd: Decimal | None = None


NO_GPUS = OwnGpus()


def cards(
    now: UnitCost, comparison: Comparison, money: Money = USD_ONLY, gpus: OwnGpus = NO_GPUS
) -> list[Card]:
    """Make the cards of a range."""
    return [
        spend_card(now, comparison, money, gpus),
        unit_cost_card(now, comparison, money),
        waste_card(now, comparison, money),
        requests_card(now, comparison),
    ]


def spend_card(now: UnitCost, comparison: Comparison, money: Money, gpus: OwnGpus) -> Card:
    unpriced = max(0, now.unpriced_calls - gpus.calls)
    counted = [
        f"{count(now.calls).short} calls",
        *([f"{count(gpus.calls).short} on own GPUs"] if gpus.calls else []),
        *([f"{count(unpriced).short} without a price"] if unpriced else []),
    ]
    bill, together = money(gpus.bill_usd), money((now.cost_usd or ZERO) + (gpus.bill_usd or ZERO))
    return Card(
        key="spend",
        label="Spend",
        value=money(now.cost_usd),
        aside=", ".join(counted),
        beside=f"{together.short} with own GPUs" if gpus.bill_usd else "",
        change=comparison.change(now.cost_usd, "cost_usd", rise="bad"),
        parts=clean_and_waste(now.clean_cost_usd, now.waste_cost_usd, money),
        how=[
            "Every call: tokens of each kind × the rate that held when the call started.",
            f"{count(now.calls).exact} calls, {count(unpriced).exact} without a price.",
            *(
                [
                    f"Own GPUs are billed by the hour, beside this: {bill.exact}, together "
                    f"{together.exact}, the total of statements and of the FOCUS export."
                ]
                if gpus.bill_usd
                else []
            ),
        ],
    )


def unit_cost_card(now: UnitCost, comparison: Comparison, money: Money) -> Card:
    clean = now.cost_per_successful_request_usd
    loaded = money(now.loaded_cost_per_successful_request_usd)
    return Card(
        key="unit-cost",
        label="Cost per successful request",
        value=money(clean),
        aside=f"{loaded.short} loaded with waste",
        aside_exact=loaded.exact,
        change=comparison.change(clean, "cost_per_successful_request_usd", rise="bad"),
        parts=clean_and_waste(clean, now.waste_cost_per_successful_request_usd, money),
        how=[
            f"Clean cost {usd(now.clean_cost_usd).exact} ÷ "
            f"{count(now.successful_requests).exact} successful requests.",
            f"Loaded: all cost {usd(now.cost_usd).exact}, waste included, ÷ the same requests.",
        ],
    )


def clean_and_waste(clean: Decimal | None, waste: Decimal | None, money: Money) -> list[Part]:
    return parts([("Clean", "clean", clean, money(clean)), ("Waste", "waste", waste, money(waste))])


def waste_card(now: UnitCost, comparison: Comparison, money: Money) -> Card:
    classes = [
        (WASTE_WORDS[key], key, cost, money(cost))
        for key, cost in now.waste_by_class.items()
        if cost
    ]
    classes.sort(key=lambda each: -(each[2] or 0))
    return Card(
        key="waste",
        label="Waste",
        value=money(now.waste_cost_usd),
        aside=f"{share(now.waste_share)} of spend",
        change=comparison.change(now.waste_cost_usd, "waste_cost_usd", rise="bad"),
        parts=parts(classes),
        how=[
            "Cost of attempts that bought nothing: superseded by a retry or another model, in "
            "requests that never succeeded, cancelled, or repeated after a success.",
            f"{usd(now.cost_usd).exact} spent − {usd(now.clean_cost_usd).exact} clean.",
        ],
    )


def requests_card(now: UnitCost, comparison: Comparison) -> Card:
    good, failed = now.successful_requests, now.requests - now.successful_requests
    rate = divide(Decimal(good), now.requests)
    return Card(
        key="requests",
        label="Successful requests",
        value=count(good),
        aside=f"{share(rate)} of {count(now.requests).short} requests",
        change=comparison.change(good, "successful_requests", rise="good"),
        parts=parts(
            [("Succeeded", "clean", good, count(good)), ("Failed", "failed", failed, count(failed))]
        ),
        how=[
            "A request is all attempts with one request id; it succeeds if its last attempt does.",
            f"{count(good).exact} of {count(now.requests).exact} requests, "
            f"in {count(now.calls).exact} calls.",
        ],
    )


def parts(sizes: Sequence[tuple[str, str, Decimal | int | None, Figure]]) -> list[Part]:
    """Lay the parts side by side, in percent of all; nothing when all are empty or unknown."""
    whole = sum((Decimal(size) for _, _, size, _ in sizes if size), Decimal(0))
    laid: list[Part] = []
    offset = 0.0
    for name, key, size, figure in sizes:
        if size and whole:
            percent = float(Decimal(size) / whole * 100)
            laid.append(Part(name, key, figure, offset, percent))
            offset += percent
    return laid

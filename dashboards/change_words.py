"""A change of cost in words: what did how much, the largest first."""

from __future__ import annotations

from decimal import Decimal

from dashboards.amounts import Figure
from dashboards.money import Money
from finops.insights.drivers import Change, Factor

FACTOR_WORDS: dict[Factor, str] = {
    "volume": "volume",
    "calls_per_action": "calls per action",
    "tokens_per_call": "tokens per call",
    "price": "price",
    "cache": "cache",
    "retry": "retries",
    "model_mix": "model mix",
}
WORTH_SAYING = Decimal("0.01")  # of the largest part
USD_ONLY = Money()
NEXT_TO_NOTHING = Decimal("0.000001")  # of the larger cost


def signed(amount: Decimal, money: Money = USD_ONLY) -> Figure:
    """+$310.00, −$40.00; no sign before nothing."""
    sign = {1: "+", -1: "−", 0: ""}[(amount > 0) - (amount < 0)]
    found = money(abs(amount))
    return Figure(sign + found.short, sign + found.exact)


def matters(part: Decimal, change: Change) -> bool:
    """Whether a part is more than nothing beside the costs themselves."""
    return abs(part) > max(change.before_usd, change.after_usd) * NEXT_TO_NOTHING


def part_text(part: Decimal, change: Change, money: Money = USD_ONLY) -> Figure:
    """As signed; a part that doesn't matter reads so, and exactly on hover."""
    found = signed(part, money)
    return found if matters(part, change) or not part else Figure("≈ 0", found.exact)


def largest_parts(change: Change, most: int) -> list[tuple[Factor, Decimal]]:
    """The parts that are worth saying, by size."""
    parts = sorted(change.parts.items(), key=lambda item: -abs(item[1]))
    top = abs(parts[0][1])
    return [
        (factor, part) for factor, part in parts[:most] if part and abs(part) >= top * WORTH_SAYING
    ]


def sentence(change: Change, most: int = 7, money: Money = USD_ONLY) -> str:
    """'volume +$310 · tokens per call +$95 · price −$40'; '' where nothing changed."""
    return " · ".join(
        f"{FACTOR_WORDS[factor]} {signed(part, money).short}"
        for factor, part in largest_parts(change, most)
    )

"""How much to reserve: the mix of reserved, spot and on-demand that would have cost least.

Demand is what each past hour needed, in units (GPUs; USD an hour at today's prices). A level L that
is reserved for a term is paid in every hour, used or not; what lies above goes to spot as far as it
may be interrupted, the rest on demand. One more unit of L is worth it while

    hours that need it on demand × on-demand price + hours that have it on spot × spot price
        > all hours × term price

The left side falls as L grows, so the first level at which this no longer holds costs least: an
exact optimum, found on the sorted demand. Without spot, a unit pays if it is used for more than
term price ÷ on-demand price of all hours: its break-even utilisation.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import pairwise

ZERO = Decimal(0)
ONE = Decimal(1)
MONTH_HOURS = Decimal("730.5")  # a twelfth of 365.25 days


@dataclass(frozen=True, slots=True)
class Offer:
    """A unit reserved for some months, at USD per unit and hour, used or not."""

    name: str
    months: int
    unit_usd: Decimal


@dataclass(frozen=True, slots=True)
class Spot:
    """Interruptible units: USD per unit and hour, and the share of demand that may run on them.

    Each interruption loses `lost_hours` of work, which is done again and paid again.
    """

    unit_usd: Decimal
    share: Decimal
    interruptions_per_hour: Decimal = ZERO
    lost_hours: Decimal = ZERO

    @property
    def effective_usd(self) -> Decimal:
        """Price of an hour of work that stays done."""
        return self.unit_usd * (ONE + self.interruptions_per_hour * self.lost_hours)


@dataclass(frozen=True, slots=True)
class Market:
    """What units cost. `whole`: only whole units can be had, as with GPUs."""

    on_demand_usd: Decimal
    spot: Spot | None = None
    whole: bool = False

    @property
    def uses_spot(self) -> bool:
        return self.spot is not None and self.spot.effective_usd < self.on_demand_usd


@dataclass(frozen=True, slots=True)
class Plan:
    """A level reserved under an offer (None: nothing is), and what the hours then cost in USD.

    `used` is the share of the reserved hours that demand would have used.
    """

    offer: Offer | None
    level: Decimal
    hours: int
    reserved_usd: Decimal
    on_demand_usd: Decimal
    spot_usd: Decimal
    used: Decimal | None

    @property
    def total_usd(self) -> Decimal:
        return self.reserved_usd + self.on_demand_usd + self.spot_usd

    def month_usd(self, amount: Decimal) -> Decimal:
        """An amount of all hours as that of a month."""
        return amount * MONTH_HOURS / self.hours if self.hours else ZERO


def units_needed(demand: Sequence[Decimal], utilisation: Decimal, market: Market) -> list[Decimal]:
    """Return what has to be there, so that no unit works for more than `utilisation` (0 to 1)."""
    needed = [work / utilisation for work in demand]
    if market.whole:
        return [unit.to_integral_value(ROUND_CEILING) for unit in needed]
    return needed


def interruptible(need: Decimal, market: Market) -> Decimal:
    """How much of an hour's need may run on spot, where that is cheaper."""
    if market.spot is None or not market.uses_spot:
        return ZERO
    part = need * market.spot.share
    return part.to_integral_value(ROUND_FLOOR) if market.whole else part


def best_level(needs: Sequence[Decimal], offer: Offer, market: Market) -> Decimal:
    """Return the lowest reserved level that costs least."""
    steady = sorted(need - interruptible(need, market) for need in needs)
    whole = sorted(needs)
    spot_usd = market.spot.effective_usd if market.spot else ZERO
    levels = sorted({ZERO, *steady, *whole})

    def worth_more(level: Decimal) -> bool:
        """Whether a bit above this level would still save."""
        on_demand = len(steady) - bisect_right(steady, level)
        on_spot = (len(whole) - bisect_right(whole, level)) - on_demand
        saved = on_demand * market.on_demand_usd + on_spot * spot_usd
        return saved > len(needs) * offer.unit_usd

    low, high = 0, len(levels) - 1
    while low < high:
        middle = (low + high) // 2
        if worth_more(levels[middle]):
            low = middle + 1
        else:
            high = middle
    return levels[low]


def plan_for(needs: Sequence[Decimal], level: Decimal, offer: Offer | None, market: Market) -> Plan:
    """Work out what all hours cost with so much reserved."""
    on_demand = spot = used = ZERO
    for need in needs:
        above = max(need - level, ZERO)
        on_spot = min(above, interruptible(need, market))
        spot += on_spot
        on_demand += above - on_spot
        used += min(need, level)
    spot_usd = spot * market.spot.effective_usd if market.spot else ZERO
    hours = len(needs)
    return Plan(
        offer=offer,
        level=level,
        hours=hours,
        reserved_usd=level * hours * offer.unit_usd if offer else ZERO,
        on_demand_usd=on_demand * market.on_demand_usd,
        spot_usd=spot_usd,
        used=used / (level * hours) if level and hours else None,
    )


def plans(needs: Sequence[Decimal], offers: Sequence[Offer], market: Market) -> list[Plan]:
    """Return the best plan of each offer, and before them the one that reserves nothing."""
    found = [plan_for(needs, ZERO, None, market)]
    for offer in offers:
        found.append(plan_for(needs, best_level(needs, offer, market), offer, market))
    return found


def all_on_demand(needs: Sequence[Decimal], market: Market) -> Decimal:
    """USD of all hours without spot or reservation."""
    return sum(needs, ZERO) * market.on_demand_usd


def break_even(offer: Offer, market: Market) -> Decimal:
    """The share of hours that a reserved unit must be used for, to cost no more than on demand."""
    return offer.unit_usd / market.on_demand_usd


def pays_off_after_months(plan: Plan, market: Market) -> Decimal | None:
    """When what the reservation replaces has cost as much on demand as its whole term; None: never.

    If demand ends later than that, the reservation was worth it.
    """
    if plan.offer is None or not plan.used:
        return None
    months = plan.offer.months * plan.offer.unit_usd / (plan.used * market.on_demand_usd)
    return months if months <= plan.offer.months else None


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The plan as it is, if demand were another: its cost and what it then saves, in USD."""

    demand: Decimal
    total_usd: Decimal
    saving_usd: Decimal
    best_level: Decimal


CHANGES = tuple(Decimal(text) for text in ("0.7", "0.8", "0.9", "1", "1.1", "1.2", "1.3"))


def sensitivities(
    demand: Sequence[Decimal], utilisation: Decimal, plan: Plan, market: Market
) -> list[Sensitivity]:
    """Hold the level and change the demand: what a wrong guess of the future costs."""
    found = []
    for change in CHANGES:
        needs = units_needed([work * change for work in demand], utilisation, market)
        there = plan_for(needs, plan.level, plan.offer, market)
        best = best_level(needs, plan.offer, market) if plan.offer else ZERO
        saving = all_on_demand(needs, market) - there.total_usd
        found.append(Sensitivity(change, there.total_usd, saving, best))
    return found


def load_steps(needs: Sequence[Decimal], most: int = 100) -> list[Decimal]:
    """The demand of the hours from the highest to the lowest, as at most so many steps."""
    falling = sorted(needs, reverse=True)
    if len(falling) <= most:
        return falling
    edges = [round(i * len(falling) / most) for i in range(most + 1)]
    return [sum(falling[a:b], ZERO) / (b - a) for a, b in pairwise(edges)]

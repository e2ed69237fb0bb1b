"""A price over time: pure, from the rates of one model to the steps that pages show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from finops.pricing.meters import METERS, quoted_price
from finops.pricing.overrides import PART_OF
from finops.pricing.rate import ANY_SIZE, DAY_S, Rate


@dataclass(frozen=True, slots=True)
class Step:
    """One price in [valid_from, valid_to), in the meter's quoted unit; None: no price."""

    valid_from: datetime
    valid_to: datetime
    usd: Decimal | None


def split_by_owner(rates: Iterable[Rate]) -> tuple[list[Rate], list[Rate]]:
    """Return the list's rates and the workspace's own."""
    found = list(rates)
    return (
        [rate for rate in found if not rate.workspace_id],
        [rate for rate in found if rate.workspace_id],
    )


def in_order(rates: Iterable[Rate]) -> list[Rate]:
    """Sort rates the way a table reads: tier and region, size, time of day, newest first."""
    return sorted(
        rates,
        key=lambda rate: (
            rate.service_tier,
            rate.region,
            rate.context_above,
            rate.daily_from_s,
            -rate.valid_from.timestamp(),
        ),
    )


def history(rates: Iterable[Rate], meter: str, *, tier: str = "", region: str = "") -> list[Step]:
    """Return the steps of one meter for small requests at midnight, in order of time.

    Equal prices that follow each other are one step.
    """
    steps: list[Step] = []
    for rate in sorted(rates, key=lambda rate: rate.valid_from):
        if (rate.service_tier, rate.region) != (tier, region) or not is_base(rate):
            continue
        usd = quoted_price(rate, meter)
        last = steps[-1] if steps else None
        if last is not None and last.usd == usd and last.valid_to == rate.valid_from:
            steps[-1] = replace(last, valid_to=rate.valid_to)
        else:
            steps.append(Step(rate.valid_from, rate.valid_to, usd))
    return [step for step in steps if step.usd is not None]


def is_base(rate: Rate) -> bool:
    return rate.context_above == 0 and rate.daily_from_s == 0


def at(steps: Iterable[Step], moment: datetime) -> Decimal | None:
    """Return the price at a moment; None where there is none."""
    holding = (step.usd for step in steps if step.valid_from <= moment < step.valid_to)
    return next(holding, None)


def meters_of(rates: Sequence[Rate]) -> list[str]:
    """Return the meters that these rates have prices of their own for, in their usual order.

    What is billed as what it is a part of (cached input as input) in all of them is left out.
    """
    return [name for name in METERS if any(has_own(rate, name) for rate in rates)]


def has_own(rate: Rate, meter: str) -> bool:
    price, whole = quoted_price(rate, meter), PART_OF.get(meter)
    return price is not None and (whole is None or quoted_price(rate, whole) != price)


def conditions_of(rate: Rate) -> tuple[bool, bool]:
    """Say whether a rate holds for some sizes only, and for a part of the day only."""
    sized = rate.context_above > 0 or rate.context_upto < ANY_SIZE
    return sized, (rate.daily_from_s, rate.daily_to_s) != (0, DAY_S)

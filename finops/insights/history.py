"""Whether the past is enough to rest a promise of years on, and what speaks against it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

DAY_HOURS = 24
LEAST_DAYS = 14  # two of each day of the week
SOLID_DAYS = 90
TREND = Decimal("0.2")


def too_little(hours: int) -> bool:
    """Whether no level should be named at all."""
    return hours < LEAST_DAYS * DAY_HOURS


def cautions(demand: Sequence[Decimal], unknown_hours: int) -> list[str]:
    """Say what is weak about this history, the weakest first."""
    hours, said = len(demand), []
    days = hours // DAY_HOURS
    if too_little(hours):
        said.append(
            f"Only {hours} hour{' is' if hours == 1 else 's are'} known: a level to reserve takes "
            f"{LEAST_DAYS} days at least. So none is recommended; the numbers below show "
            "how it would be worked out."
        )
    elif days < SOLID_DAYS:
        said.append(
            f"{days} days are known; a promise of one or three years rests on them. "
            f"Look again after {SOLID_DAYS} days."
        )
    if unknown_hours * 20 > hours:
        said.append(f"{unknown_hours} hours were billed and not observed; they are left out.")
    third = hours // 3
    if third >= DAY_HOURS:
        early, late = sum(demand[:third], Decimal(0)), sum(demand[-third:], Decimal(0))
        if early and late < early * (1 - TREND):
            said.append(
                f"Demand is falling: the last third of the hours needed {percent(late, early)} "
                "less than the first. Reserve less, or wait."
            )
        elif early and late > early * (1 + TREND):
            said.append(
                f"Demand is rising: the last third of the hours needed {percent(late, early)} "
                "more than the first. The level below is that of the whole past."
            )
    return said


def percent(late: Decimal, early: Decimal) -> str:
    return f"{abs(late / early - 1) * 100:.0f} %"

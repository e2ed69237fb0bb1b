"""Changes of prices in the words that commands and pages use."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from finops.pricing.difference import Change
from finops.pricing.meters import METERS
from finops.pricing.rate import ANY_SIZE, BEGINNING, DAY_S, FOREVER


def describe_change(change: Change) -> str:
    """One line: which price of which model, from what to what, by how much and when."""
    tier = f" ({change.service_tier})" if change.service_tier else ""
    percent = f" ({change.percent:+} %)" if change.percent is not None else ""
    return (
        f"{change.provider}/{change.model}{tier} {METERS[change.meter].label}: "
        f"{price_text(change.old)} -> {price_text(change.new)}{percent}"
        f"{condition_text(change)}"
    )


def price_text(price: Decimal | None) -> str:
    """'$2.50', '$0.075': exact, with cents at least."""
    if price is None:
        return "none"
    exact = price.normalize()
    _, _, exponent = exact.as_tuple()
    return f"${exact:.2f}" if int(exponent) > -2 else f"${exact:f}"


def condition_text(change: Change) -> str:
    """When and for what calls it holds, where that is not always: begins with a comma."""
    parts = [
        size_text(change.context_above, change.context_upto),
        daily_text(change.daily_from_s, change.daily_to_s),
        time_text(change.valid_from, change.valid_to),
    ]
    return "".join(f", {part}" for part in parts if part)


def size_text(above: int, upto: int) -> str:
    """'above 200,000 tokens', 'up to 200,000 tokens'; '' where any size will do."""
    if above and upto < ANY_SIZE:
        return f"above {above:,} up to {upto:,} tokens"
    if above:
        return f"above {above:,} tokens"
    return f"up to {upto:,} tokens" if upto < ANY_SIZE else ""


def daily_text(from_s: int, to_s: int) -> str:
    if (from_s, to_s) == (0, DAY_S):
        return ""
    return f"{clock_text(from_s)}–{clock_text(to_s)} UTC"


def clock_text(second: int) -> str:
    return f"{second // 3600:02}:{second // 60 % 60:02}"


def time_text(start: datetime, end: datetime) -> str:
    if start > BEGINNING and end < FOREVER:
        return f"{day_text(start)} until {day_text(end)}"
    if start > BEGINNING:
        return f"from {day_text(start)}"
    return f"until {day_text(end)}" if end < FOREVER else ""


def day_text(moment: datetime) -> str:
    midnight = (moment.hour, moment.minute, moment.second) == (0, 0, 0)
    return f"{moment:%Y-%m-%d}" if midnight else f"{moment:%Y-%m-%d %H:%M}"

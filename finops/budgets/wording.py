"""Money, shares and times the way the e-mails and the budgets page say them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo


def usd(amount: Decimal) -> str:
    """Return dollars with cents; below a dollar as many places as three figures need."""
    places = 2
    if 0 < amount < 1:
        exact = amount.quantize(Decimal(1).scaleb(max(-12, amount.adjusted() - 2))).normalize()
        places = max(2, -int(exact.as_tuple().exponent))
    return f"${amount:,.{places}f}"


def percent(share: Decimal) -> str:
    """Return a share (1 = 100 %) with one place; only all of it reads 100 %."""
    if Decimal("0.999") < share < 1:
        return ">99.9 %"
    return f"{(share * 100).quantize(Decimal('0.1'), ROUND_HALF_EVEN):,} %"


def multiple(pace: Decimal) -> str:
    """Return a pace such as 1.68x."""
    return f"{pace:,.2f}x"


def month_name(first_day: date) -> str:
    """Return a month such as November 2026."""
    return f"{first_day:%B %Y}"


def moment(at: datetime, timezone: str) -> str:
    """Return a time such as 16 Nov 2026, 13:03 CET."""
    local = at.astimezone(ZoneInfo(timezone))
    return f"{local.day} {local:%b %Y, %H:%M %Z}"


def one_line(text: str) -> str:
    """Return a name from outside without line breaks or control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())

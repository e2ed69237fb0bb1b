"""Numbers as people read them: short on the page, exact on hover."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Literal

UNKNOWN = "–"
Tone = Literal["good", "bad", "flat"]
UNITS = ((Decimal(10) ** 9, "B"), (Decimal(10) ** 6, "M"), (Decimal(10) ** 3, "k"))


@dataclass(frozen=True, slots=True)
class Figure:
    """A number in its short and its exact form."""

    short: str
    exact: str


def usd(amount: Decimal | None) -> Figure:
    """$12.3k, $4,213.07, $0.0412, µ$4.12; exact behind it."""
    if amount is None:
        return Figure(UNKNOWN, "unknown: no call has a price")
    return Figure(short_money(amount), exact_usd(amount))


def exact_usd(amount: Decimal) -> str:
    return f"{'−' if amount < 0 else ''}${abs(amount).normalize():,f}" if amount else "$0"


def short_money(amount: Decimal, sign: str = "$", *, whole: bool = False) -> str:
    """Write an amount so that it is read at a glance.

    Three significant digits below one, and below a thousandth in millionths: nobody counts zeros.
    `whole` is for currencies without cents.
    """
    size, minus = abs(amount), "−" if amount < 0 else ""
    if size >= 100_000:
        return f"{minus}{sign}{scaled(size)}"
    if size >= 1 or not size:
        return f"{minus}{sign}{size:,.{0 if whole and size >= 100 else 2}f}"
    if size < Decimal("0.001"):
        return f"{minus}µ{sign}{three_digits(size * 10**6)}"
    return f"{minus}{sign}{three_digits(size)}"


def three_digits(amount: Decimal) -> str:
    places = max(2 - amount.adjusted(), 0)
    return f"{amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN):f}"


def count(number: int) -> Figure:
    """1,021,882; above ten million 12.3M."""
    exact = f"{number:,}"
    return Figure(scaled(Decimal(number)) if number >= 10_000_000 else exact, exact)


def tokens(number: int) -> Figure:
    """1.02M: nobody reads the last token."""
    exact = f"{number:,}"
    return Figure(scaled(Decimal(number)) if number >= 10_000 else exact, exact)


def scaled(number: Decimal) -> str:
    """Three significant digits and a letter."""
    for unit, letter in UNITS:
        if abs(number) >= unit:
            value = number / unit
            places = max(0, 2 - value.adjusted())
            return f"{value:.{places}f}{letter}"
    return f"{number:f}"


def share(part: Decimal | None) -> str:
    """A share of 1 in percent, one decimal below ten; only all of it reads 100 %."""
    if part is None:
        return UNKNOWN
    percent = part * 100
    if 0 < percent < Decimal("0.1"):
        return "<0.1 %"
    if Decimal("99.9") < percent < 100:
        return ">99.9 %"
    one_place = percent < 10 or Decimal("99.5") <= percent < 100
    return f"{percent:.1f} %" if one_place else f"{percent:.0f} %"


@dataclass(frozen=True, slots=True)
class Delta:
    """A change against the period before: arrow and text say it, the tone colours it."""

    arrow: str
    text: str
    tone: Tone


def delta(now: Decimal | int | None, before: Decimal | int | None, *, rise: Tone) -> Delta:
    """Compare; `rise` says what more of it means. 'new' when there was nothing before."""
    if now is None or before is None:
        return Delta("", UNKNOWN, "flat")
    if not before:
        return Delta("", "new" if now else "none before either", "flat")
    change = (Decimal(now) - Decimal(before)) / Decimal(before) * 100
    if abs(change) < Decimal("0.5"):
        return Delta("→", "no change", "flat")
    text = (
        f"{abs(change):,.0f} %" if abs(change) < 1000 else f"×{Decimal(now) / Decimal(before):,.0f}"
    )
    if change > 0:
        return Delta("▲", text, rise)
    falls: dict[Tone, Tone] = {"good": "bad", "bad": "good", "flat": "flat"}
    return Delta("▼", text, falls[rise])


def length_text(length: timedelta) -> str:
    """'24 hours', '45 minutes': how long a period is, within a twentieth."""
    whole_s = length.total_seconds()
    for unit_s, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        number = round(whole_s / unit_s)
        if number and abs(whole_s - number * unit_s) <= whole_s / 20:
            return f"{number} {name}{'' if number == 1 else 's'}"
    return "moment"

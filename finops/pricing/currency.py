"""Show USD in another currency: pure, from the dated rates that a workspace has entered.

The ledger stays in USD; what is made here is for reading only and is never added up or stored.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext

USD = "USD"


@dataclass(frozen=True, slots=True)
class DayRate:
    """1 USD = `per_usd` of a currency, from the first instant of a day in UTC."""

    currency: str
    day: date
    per_usd: Decimal


@dataclass(frozen=True, slots=True)
class Converted:
    """An amount and the rate it was made with; in USD, without a rate, where there is none."""

    amount: Decimal
    currency: str
    rate: DayRate | None


def rate_at(currency: str, at: datetime, rates: Iterable[DayRate]) -> DayRate | None:
    """Return the newest rate of a day not after `at`; None before the first."""
    today = at.astimezone(UTC).date()
    held = [rate for rate in rates if rate.currency == currency and rate.day <= today]
    return max(held, key=lambda rate: rate.day, default=None)


def convert(usd: Decimal, currency: str, at: datetime, rates: Iterable[DayRate]) -> Converted:
    """Return `usd` in a currency by the rate that held at `at`, not rounded.

    Where no rate holds yet the amount stays in USD, and its currency says so.
    """
    rate = None if currency == USD else rate_at(currency, at, rates)
    if rate is None:
        return Converted(usd, USD, None)
    with localcontext() as context:
        context.prec = 60
        return Converted(usd * rate.per_usd, currency, rate)

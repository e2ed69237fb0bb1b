from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops.pricing.currency import Converted, DayRate, convert, rate_at

FIRST = DayRate("EUR", date(2026, 11, 1), Decimal("0.9"))
SECOND = DayRate("EUR", date(2026, 11, 20), Decimal("0.8"))
POUND = DayRate("GBP", date(2026, 1, 1), Decimal("0.7"))
RATES = [SECOND, POUND, FIRST]
TEN = Decimal(10)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2026, 11, 1, tzinfo=UTC), Converted(Decimal(9), "EUR", FIRST)),
        (datetime(2026, 11, 19, 23, 59, 59, tzinfo=UTC), Converted(Decimal(9), "EUR", FIRST)),
        (datetime(2026, 11, 20, tzinfo=UTC), Converted(Decimal(8), "EUR", SECOND)),
        (datetime(2030, 1, 1, tzinfo=UTC), Converted(Decimal(8), "EUR", SECOND)),
        # half past midnight in Berlin is still the day before in UTC
        (
            datetime(2026, 11, 20, 0, 30, tzinfo=timezone(timedelta(hours=1))),
            Converted(Decimal(9), "EUR", FIRST),
        ),
    ],
)
def test_a_rate_holds_from_its_day_in_utc_until_the_next(at: datetime, expected: Converted) -> None:
    assert convert(TEN, "EUR", at, RATES) == expected


def test_before_the_first_rate_an_amount_stays_in_usd_and_says_so() -> None:
    before = datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC)
    assert convert(TEN, "EUR", before, RATES) == Converted(TEN, "USD", None)
    assert convert(TEN, "CHF", before, RATES) == Converted(TEN, "USD", None)


def test_usd_needs_no_rate() -> None:
    assert convert(TEN, "USD", datetime(2026, 11, 20, tzinfo=UTC), []).currency == "USD"


DAYS = st.dates(date(2025, 1, 1), date(2027, 1, 1))


@given(st.lists(DAYS, unique=True), DAYS)
def test_the_newest_rate_that_is_not_later_holds(days: list[date], today: date) -> None:
    rates = [DayRate("EUR", day, Decimal(place + 1)) for place, day in enumerate(days)]
    found = rate_at("EUR", datetime(today.year, today.month, today.day, 12, tzinfo=UTC), rates)
    earlier = [day for day in days if day <= today]
    assert (found and found.day) == (max(earlier) if earlier else None)


@given(st.decimals(-(10**9), 10**9, places=12), st.decimals("0.0001", 10**4, places=10))
def test_nothing_is_rounded(usd: Decimal, per_usd: Decimal) -> None:
    rate = DayRate("EUR", date(2026, 1, 1), per_usd)
    shown = convert(usd, "EUR", datetime(2026, 1, 1, tzinfo=UTC), [rate])
    assert Fraction(shown.amount) == Fraction(usd) * Fraction(per_usd)

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from dashboards.amounts import Delta, count, delta, length_text, share, tokens, usd


@pytest.mark.parametrize(
    ("amount", "short", "exact"),
    [
        ("0", "$0.00", "$0"),
        ("0.000000000001", "µ$0.00000100", "$0.000000000001"),
        ("0.00000412", "µ$4.12", "$0.00000412"),
        ("0.000412345", "µ$412", "$0.000412345"),
        ("-0.00041", "−µ$410", "−$0.00041"),
        ("0.001", "$0.00100", "$0.001"),
        ("0.004123456789", "$0.00412", "$0.004123456789"),
        ("0.0412", "$0.0412", "$0.0412"),
        ("0.999", "$0.999", "$0.999"),
        ("0.9999", "$1.000", "$0.9999"),
        ("1", "$1.00", "$1"),
        ("4213.074", "$4,213.07", "$4,213.074"),
        ("123456.78", "$123k", "$123,456.78"),
        ("1234567", "$1.23M", "$1,234,567"),
    ],
)
def test_money_is_short_on_the_page_and_exact_behind_it(
    amount: str, short: str, exact: str
) -> None:
    figure = usd(Decimal(amount))
    assert (figure.short, figure.exact) == (short, exact)


def test_money_that_is_not_known_is_a_dash_and_never_zero() -> None:
    assert usd(None).short == "–"


def test_counts_keep_their_digits_until_ten_million() -> None:
    assert [count(n).short for n in (0, 1_021_882, 12_345_678)] == ["0", "1,021,882", "12.3M"]
    assert [tokens(n).short for n in (999, 12_345, 2_110_000)] == ["999", "12.3k", "2.11M"]


def test_shares_are_percent() -> None:
    given = [None, Decimal(0), Decimal("0.0004"), Decimal("0.076"), Decimal("0.42"), Decimal(1)]
    assert [share(one) for one in given] == ["–", "0.0 %", "<0.1 %", "7.6 %", "42 %", "100 %"]


def test_a_share_below_all_never_reads_100_percent() -> None:
    given = {"0.994": "99 %", "0.995": "99.5 %", "0.9972": "99.7 %", "0.99901": ">99.9 %"}
    assert {one: share(Decimal(one)) for one in given} == given
    assert share(Decimal("0.9999999")) == ">99.9 %"


@pytest.mark.parametrize(
    ("now", "before", "rise", "expected"),
    [
        (Decimal(112), Decimal(100), "bad", Delta("▲", "12 %", "bad")),
        (Decimal(92), Decimal(100), "bad", Delta("▼", "8 %", "good")),
        (121, 100, "good", Delta("▲", "21 %", "good")),
        (79, 100, "good", Delta("▼", "21 %", "bad")),
        (1001, 1000, "good", Delta("→", "no change", "flat")),
        (2500, 100, "bad", Delta("▲", "×25", "bad")),
        (5, 0, "good", Delta("", "new", "flat")),
        (None, 5, "bad", Delta("", "–", "flat")),
        (5, None, "bad", Delta("", "–", "flat")),
    ],
)
def test_a_change_is_coloured_by_what_it_means(
    now: Decimal | int | None, before: Decimal | int | None, rise: str, expected: Delta
) -> None:
    assert delta(now, before, rise=rise) == expected  # type: ignore[arg-type]


def test_lengths_are_in_the_unit_that_fits() -> None:
    lengths = {
        timedelta(hours=24, minutes=35): "1 day",
        timedelta(hours=1, seconds=40): "1 hour",
        timedelta(minutes=152): "152 minutes",
        timedelta(days=30): "30 days",
        timedelta(seconds=20): "moment",
    }
    assert {length: length_text(length) for length in lengths} == lengths

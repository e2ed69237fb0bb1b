from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from finops.budgets.wording import moment, one_line, percent, usd


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "$0.00"),
        ("1234567.891", "$1,234,567.89"),
        ("1", "$1.00"),
        ("0.5", "$0.50"),
        ("0.05", "$0.05"),
        ("0.0512345", "$0.0512"),
        ("0.00000123456", "$0.00000123"),
        ("0.000000000001", "$0.000000000001"),
        ("0.9999", "$1.00"),
    ],
)
def test_dollars_have_cents_and_small_sums_three_figures(amount: str, text: str) -> None:
    assert usd(Decimal(amount)) == text


def test_a_percentage_is_rounded_and_only_all_of_it_reads_100() -> None:
    assert percent(Decimal("0.9938")) == "99.4 %"
    assert [percent(Decimal(half)) for half in ("0.0625", "0.0635")] == ["6.2 %", "6.4 %"]
    assert percent(Decimal("0.99999")) == ">99.9 %"
    assert percent(Decimal(1)) == "100.0 %"
    assert percent(Decimal("12.5")) == "1,250.0 %"


def test_times_are_said_in_the_zone_of_the_workspace() -> None:
    at = datetime(2026, 7, 1, 12, 3, tzinfo=UTC)
    assert moment(at, "Europe/Berlin") == "1 Jul 2026, 14:03 CEST"


def test_a_name_from_outside_is_one_line() -> None:
    assert one_line("acme\r\nBcc: x@y.example\x00\u2028 end") == "acme Bcc: x@y.example end"

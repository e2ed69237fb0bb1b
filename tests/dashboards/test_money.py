from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from dashboards.money import Money, read_money
from finops.accounts.models import Workspace
from finops.pricing.currency import DayRate
from finops.pricing.exchange import choose_currency, set_exchange_rate

EURO = Money("EUR", DayRate("EUR", date(2026, 11, 1), Decimal("0.9")))


@pytest.mark.parametrize(
    ("amount", "short", "exact"),
    [
        ("100", "€90.00", "$100"),
        ("0.0412", "€0.0371", "$0.0412"),
        ("0.00000412", "µ€3.71", "$0.00000412"),
        ("1234567", "€1.11M", "$1,234,567"),
        ("0", "€0.00", "$0"),
    ],
)
def test_complaint_21_an_amount_is_in_the_currency_with_the_usd_behind_it(
    amount: str, short: str, exact: str
) -> None:
    figure = EURO(Decimal(amount))
    assert (figure.short, figure.exact) == (short, exact)


def test_a_chart_tells_both_on_hover() -> None:
    assert EURO.hover(Decimal(100)) == "€90.00 ($100.00)"
    assert EURO.hover(None) == "–"
    assert Money().hover(Decimal(100)) == "$100.00"


def test_a_currency_without_cents_or_without_a_sign_is_written_as_it_is_read() -> None:
    yen = Money("JPY", DayRate("JPY", date(2026, 11, 1), Decimal(150)))
    franc = Money("CHF", DayRate("CHF", date(2026, 11, 1), Decimal("0.8")))
    assert yen(Decimal(10)).short == "¥1,500"
    assert franc(Decimal(10)).short == "CHF 8.00"
    assert franc(Decimal("0.00001")).short == "µCHF 8.00"


def test_what_is_not_known_is_a_dash_in_every_currency() -> None:
    assert EURO(None).short == "–"


def test_without_a_rate_amounts_are_in_usd_and_the_page_says_so() -> None:
    lost = Money("EUR", None)
    assert lost(Decimal(10)).short == "$10.00"
    assert lost.sign == "$"
    assert "no exchange rate to EUR" in lost.note
    assert Money().note == ""


def test_the_rate_of_the_time_is_read(db: None) -> None:
    acme = Workspace.objects.create(slug="acme", name="Acme")
    choose_currency(acme, "eur", actor=None)
    for day, per_usd in ((date(2026, 11, 1), "0.9"), (date(2026, 11, 20), "0.8")):
        set_exchange_rate(acme, "EUR", day, Decimal(per_usd), "ECB", actor=None)

    before = read_money(acme, datetime(2026, 10, 31, 23, 59, tzinfo=UTC))
    first = read_money(acme, datetime(2026, 11, 1, tzinfo=UTC))
    later = read_money(acme, datetime(2026, 11, 20, tzinfo=UTC))
    assert before.rate is None
    assert first(Decimal(10)).short == "€9.00"
    assert later(Decimal(10)).short == "€8.00"
    assert later.note.startswith("1 USD = 0.8 EUR, the rate of 20 Nov 2026")

"""/rates/currency, and the Overview in the currency that was chosen there."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from django.test import Client

from finops.accounts.models import AuditEntry, Membership, Role, Workspace
from finops.accounts.workspaces import create_workspace
from finops.clickhouse.client import Warehouse
from finops.pricing.exchange import choose_currency, set_exchange_rate
from finops.pricing.models import DisplayCurrency, ExchangeRate
from tests.queries.rows import Charge, at, ledger_of

PAGE = "/rates/currency"
RATE = {"currency": "EUR", "day": "2026-11-20", "per_usd": "0.92", "why": "ECB"}


@pytest.fixture
def analyst(page: Client) -> Client:
    Membership.objects.update(role=Role.ANALYST)
    return page


def test_a_rate_is_entered_listed_and_taken_back(analyst: Client, acme: Workspace) -> None:
    answer = analyst.post(f"{PAGE}/enter", {**RATE, "workspace": "acme"}, follow=True)
    html = answer.content.decode()
    assert "1 USD = 0.92 EUR from 2026-11-20" in html
    assert "ECB" in html
    assert "victor@acme.example" in html
    rate = ExchangeRate.objects.get(workspace=acme)
    assert (rate.day, rate.per_usd) == (date(2026, 11, 20), Decimal("0.92"))

    analyst.post(f"{PAGE}/{rate.pk}/take-back", {"workspace": "acme"})
    assert not ExchangeRate.objects.exists()
    actions = [
        entry.action
        for entry in AuditEntry.objects.filter(action__startswith="exchange").order_by("pk")
    ]
    assert actions == ["exchange_rate.saved", "exchange_rate.removed"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"per_usd": "0"}, "greater than or equal to"),
        ({"per_usd": "much"}, "Enter a number"),
        ({"day": "yesterday"}, "Enter a valid date"),
        ({"currency": "E1"}, "three letters"),
        ({"currency": "USD"}, "needs no exchange rate"),
        ({"why": ""}, "This field is required"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    analyst: Client, wrong: dict[str, str], said: str
) -> None:
    answer = analyst.post(f"{PAGE}/enter", {**RATE, "workspace": "acme", **wrong})
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert not ExchangeRate.objects.exists()


def test_a_viewer_reads_and_changes_nothing(page: Client, acme: Workspace) -> None:
    html = page.get(PAGE).content.decode()
    assert "takes the role Analyst" in html
    assert '<button class="button primary">Enter' not in html
    for address, body in ((f"{PAGE}/enter", RATE), (f"{PAGE}/choose", {"currency": "EUR"})):
        assert page.post(address, {**body, "workspace": "acme"}).status_code == 403
    assert not ExchangeRate.objects.exists()
    assert not DisplayCurrency.objects.exists()


def test_another_workspaces_rate_is_not_there(analyst: Client, acme: Workspace) -> None:
    globex = create_workspace("globex", "Globex")
    theirs = set_exchange_rate(globex, "EUR", date(2026, 11, 1), Decimal(1), "secret", actor=None)
    assert "secret" not in analyst.get(PAGE).content.decode()
    taken = analyst.post(f"{PAGE}/{theirs.pk}/take-back", {"workspace": "acme"})
    assert taken.status_code == 404
    assert ExchangeRate.objects.exists()


def test_the_overview_is_in_the_chosen_currency_with_usd_on_hover(
    analyst: Client, acme: Workspace, configured_ch: Warehouse
) -> None:
    ledger_of(configured_ch, Charge(at("10:00"), Decimal(100), workspace_id=acme.pk))
    address = "/?from=2026-11-21T00:00&to=2026-11-22T00:00"
    choose_currency(acme, "EUR", actor=None)
    without = analyst.get(address).content.decode()
    assert "no exchange rate to EUR" in without
    assert "$100.00" in without

    set_exchange_rate(acme, "EUR", date(2026, 11, 1), Decimal("0.9"), "ECB", actor=None)
    # the range ends with the day before this one
    set_exchange_rate(acme, "EUR", date(2026, 11, 22), Decimal(5), "ECB", actor=None)
    shown = analyst.get(address).content.decode()
    assert "1 USD = 0.9 EUR" in shown
    assert 'data-exact="$100">€90.00' in shown
    assert '"tickprefix": "\\u20ac"' in shown
    assert '"\\u20ac90.00 ($100.00)"' in shown
    assert ">$100.00" not in shown

"""A statement from the ledger: what it says, in each form, and that all of them are the month."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from finops.accounts.models import Workspace
from finops.clickhouse.client import Warehouse
from finops.costing.closing import close_month
from finops.focus.account import Account
from finops.focus.errors import InvalidMonth, NoStatement
from finops.focus.export import Export, Tally, export_rows
from finops.focus.statement import Asked, Statement
from finops.focus.statement_csv import statement_csv
from finops.focus.statement_month import read_month, span_of
from finops.focus.statement_sheet import statement_html
from finops.focus.statements import Month, make_statement, read_book
from finops.focus.versions import version_named
from finops.pricing.rate import Rate
from finops.queries.statement import tenant_months
from tests.dashboards.test_overview import text_of
from tests.focus.ledger import HOUR, PARTS, Bought, add_bought, add_gpu_parts, per_million

NOW = datetime(2026, 12, 3, 9, tzinfo=UTC)
NOVEMBER = date(2026, 11, 1)
GPT = Rate("openai", "gpt-4o", per_million(input="1000000", output="2000000"))
LAST = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
FAILED = {"waste_class": "failed", "request_succeeded": 0}
LLAMA = Rate("self-hosted", "llama", GPT.prices)

# Dollars: a token in costs 1, one out 2.
BOUGHT = (
    Bought({"input": 3, "output": 1}, GPT, columns={"feature": "chat"}),
    Bought({"input": 1}, GPT, columns={"feature": "chat", **FAILED}),
    Bought({"input": 2}, GPT, at=LAST, columns={"feature": "search"}),
    Bought({"input": 8}, GPT, at=LAST + timedelta(seconds=1)),
    Bought({"input": 8}, GPT, at=HOUR - timedelta(days=20)),
    Bought({"input": 7}, GPT, cost=False),
    Bought({"input": 7}, LLAMA, cost=False),
    Bought({"input": 12}, GPT, columns={"tenant": "=globex"}),
    Bought({"input": 4}, GPT, columns={"tenant": ""}),
)


@pytest.fixture
def workspace(db: None) -> Workspace:
    return Workspace.objects.create(pk=1, slug="acme-inc", name="Acme <Inc>")


@pytest.fixture(scope="module")
def ledger(module_ch: Warehouse) -> Warehouse:
    add_bought(module_ch, BOUGHT)
    add_gpu_parts(module_ch, PARTS)
    return module_ch


@pytest.fixture
def month(ledger: Warehouse, workspace: Workspace) -> Month:
    return read_book(ledger, workspace, NOVEMBER, NOW)


def acmes(ledger: Warehouse, month: Month, asked: Asked | None = None) -> Statement:
    return make_statement(ledger, month, "acme", asked or Asked())


def test_the_total_is_calls_and_gpu_time_and_shares_only_where_distributed(
    ledger: Warehouse, month: Month
) -> None:
    plain = acmes(ledger, month)
    assert plain.due.calls.cost_usd == 8
    assert plain.due.gpu_usd == 6
    assert plain.total_usd == 14
    # of 4 dollars without a tenant 14 of 26 parts, and all the idle time of its pool
    shares = {"unattributed": Decimal("2.153846153846"), "idle": Decimal("1.5")}
    assert plain.due.shares == shares
    both = Asked("chargeback", distribute=True)
    assert acmes(ledger, month, both).total_usd == 14 + sum(shares.values())
    assert acmes(ledger, month, Asked("showback", distribute=True)).total_usd == 14


def test_requests_waste_and_unit_costs_are_those_of_the_ledger(
    ledger: Warehouse, month: Month
) -> None:
    made = acmes(ledger, month)
    calls = made.due.calls
    assert (calls.calls, calls.requests, calls.successful_requests) == (5, 5, 4)
    assert {name: usd for name, usd in calls.waste_by_class.items() if usd} == {"failed": 1}
    # clean: 7 of calls and 6 of GPUs by four successes
    assert made.clean_per_success_usd == Decimal("3.25")
    assert made.loaded_per_success_usd == Decimal("3.5")


def test_features_hold_calls_and_gpu_time_and_add_up(ledger: Warehouse, month: Month) -> None:
    made = acmes(ledger, month)
    assert [(one.feature, int(one.total_usd)) for one in made.by_feature] == [
        ("chat", 12), ("search", 2), ("", 0),
    ]  # fmt: skip
    assert sum(one.total_usd for one in made.by_feature) == made.due.own_usd
    assert [(time.pool, time.model, time.hours) for time in made.gpu_times] == [
        ("h100", "llama", Decimal("1.5"))
    ]


def test_a_model_that_is_paid_by_gpu_time_is_not_called_unpriced(
    ledger: Warehouse, month: Month
) -> None:
    assert [(one.model, one.calls) for one in acmes(ledger, month).unpriced] == [("gpt-4o", 1)]


def test_all_statements_and_what_is_nobodys_are_the_month_and_the_focus_file(
    ledger: Warehouse, month: Month
) -> None:
    tally = Tally()
    wanted = Export(1, Account("a", "A"), span_of(NOVEMBER), version_named("1.4"))
    assert sum(1 for _ in export_rows(ledger, wanted, tally)) == tally.rows
    for distribute in (False, True):
        asked = Asked("chargeback", distribute)
        totals = [
            make_statement(ledger, month, tenant, asked).total_usd for tenant in month.book.dues
        ]
        left = month.book.left_usd(distributed=distribute)
        assert sum(totals) + left == month.book.total_usd == tally.billed_usd
    assert left == 0
    months = tenant_months(ledger, 1, span_of(NOVEMBER))
    assert sum(one.cost_usd for one in months) == month.book.total_usd
    # The calls of llama ran on the pool, which pays for them.
    assert {one.tenant: one.unpriced_calls for one in months}["acme"] == 1


def test_a_month_is_one_of_utc_whatever_clock_a_workspace_lives_by(
    ledger: Warehouse, workspace: Workspace
) -> None:
    workspace.timezone = "Pacific/Auckland"
    november = read_book(ledger, workspace, NOVEMBER, NOW).book
    december = read_book(ledger, workspace, date(2026, 12, 1), NOW).book
    assert november.dues["acme"].calls.cost_usd == 8
    assert december.dues["acme"].own_usd == 8


def test_a_closed_month_says_so_and_what_came_late(ledger: Warehouse, workspace: Workspace) -> None:
    before = read_book(ledger, workspace, NOVEMBER, NOW)
    assert before.standing.why == "the month isn't closed yet"
    closed = close_month(ledger, workspace, NOVEMBER, actor=None, now=NOW)
    closed.by_tenant["acme"] = "6.5"  # as if a call of 1.50 had come since
    closed.save()
    made = acmes(ledger, read_book(ledger, workspace, NOVEMBER, NOW))
    assert made.standing.closed_at == NOW
    assert made.moved_usd == Decimal("1.5")
    assert "moved by 1.50 USD" in statement_html(made)


def test_the_csv_has_every_digit_and_its_total_adds_up(ledger: Warehouse, month: Month) -> None:
    made = acmes(ledger, month, Asked("chargeback", distribute=True))
    rows = list(csv.DictReader(io.StringIO(statement_csv(made))))
    (due,) = [row for row in rows if row["Section"] == "due"]
    parts = [Decimal(row["AmountUSD"]) for row in rows if row["InTotal"] == "yes"]
    assert sum(parts) == Decimal(due["AmountUSD"]) == made.total_usd
    assert {row["Status"] for row in rows} == {"provisional"}
    other = make_statement(ledger, month, "=globex", Asked())
    assert {row["Tenant"] for row in csv.DictReader(io.StringIO(statement_csv(other)))} == {
        "'=globex"
    }


def test_the_file_stands_alone_and_says_what_is_due_and_how(
    ledger: Warehouse, month: Month
) -> None:
    html = statement_html(acmes(ledger, month))
    text = text_of(html)
    assert "Amount due 14.00 USD" in text
    assert "Share of idle GPU time, not included 1.50" in text
    assert "Provisional: the month isn't closed yet" in text
    assert "1 call of this month has no price" in text
    assert "Acme <Inc>" in text
    assert "<Inc>" not in html
    assert "src=" not in html
    assert "href=" not in html
    assert "size: A4" in html
    shown = text_of(statement_html(acmes(ledger, month, Asked("showback"))))
    assert "Cost, for information 14.00 USD" in shown


def test_who_has_nothing_gets_no_statement(ledger: Warehouse, month: Month) -> None:
    for tenant in ("nobody", ""):
        with pytest.raises(NoStatement):
            make_statement(ledger, month, tenant, Asked())


@pytest.mark.parametrize("text", ["2026-13", "2026", "11-2026", "2026-11-01", "2027-01", "x"])
def test_what_is_no_month_that_has_begun_is_refused(text: str) -> None:
    with pytest.raises(InvalidMonth):
        read_month(text, NOW)

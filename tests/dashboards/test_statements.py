"""The statements pages: months by tenants, and one statement to read and keep."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
import time_machine
from django.test import Client

from dashboards.statement_table import statement_table
from finops.accounts.models import Workspace
from finops.clickhouse.client import Warehouse
from finops.focus.statement_month import Standing
from finops.queries.statement import TenantMonth
from tests.dashboards.test_overview import text_of
from tests.focus.ledger import PARTS, Bought, add_bought, add_gpu_parts
from tests.focus.test_statements import GPT

NOW = datetime(2026, 12, 3, 9, tzinfo=UTC)
OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)


def show(page: Client, path: str) -> str:
    response = page.get(path)
    assert response.status_code == 200, path
    return text_of(response.content.decode())


def cost(tenant: str, month: date, usd: str, unpriced: int = 0) -> TenantMonth:
    return TenantMonth(tenant, month, 1, unpriced, Decimal(usd))


def test_tenants_stand_by_what_the_newest_month_cost_them_and_nobodys_apart() -> None:
    table = statement_table(
        [
            cost("small", NOVEMBER, "1"),
            cost("large", NOVEMBER, "5"),
            cost("gone", OCTOBER, "9"),
            cost("", NOVEMBER, "2"),
            cost("new", NOVEMBER, "0", unpriced=3),
        ],
        [(NOVEMBER, Standing(NOW)), (OCTOBER, Standing(None, "the month isn't closed yet"))],
    )
    assert [line.name for line in table.lines] == ["large", "small", "gone", "new"]
    assert [head.standing for head in table.heads] == [
        "closed on 2026-12-03",
        "provisional: the month isn't closed yet",
    ]
    assert [cell.figure.short if cell.figure else "" for cell in table.totals] == ["$8.00", "$9.00"]
    assert table.nobodys[0].url == ""
    unknown = table.lines[3].cells[0]
    assert unknown.figure is not None
    assert (unknown.figure.short, unknown.unpriced) == ("–", 3)


@time_machine.travel(NOW, tick=False)
def test_the_pages_lead_from_the_months_to_a_statement_and_its_files(
    page: Client, configured_ch: Warehouse, acme: Workspace
) -> None:
    tenant = "a/b <c>"
    add_bought(
        configured_ch,
        [Bought({"input": 3}, GPT, columns={"tenant": tenant}),
         Bought({"input": 2}, GPT, columns={"tenant": ""})],
        workspace_id=acme.pk,
    )  # fmt: skip
    parts: list[dict[str, Any]] = [{**part} for part in PARTS]
    parts[0]["tenant"] = tenant
    add_gpu_parts(configured_ch, parts, workspace_id=acme.pk)

    months = show(page, "/statements?month=2026-11")
    assert "June 2026 to November 2026" in months
    assert "a/b <c> $9.00" in months
    assert "s $3.50 All $12.50" in months
    link = "/statements/2026-11/a/b%20%3Cc%3E"
    html = page.get("/statements?month=2026-11").content.decode()
    assert f'href="{link}"' in html
    found = re.findall(r'href="(/api/v1/focus[^"]+)"', html)
    rows = b"".join(page.get(unescape(found[0]), headers={"accept": "*/*"})).decode()
    assert len(found) == 4
    billed = [Decimal(row["BilledCost"]) for row in csv.DictReader(io.StringIO(rows))]
    assert sum(billed) == Decimal("12.5")  # what the page says All come to

    assert "Amount due 9.00 USD" in show(page, link)
    assert "Amount due 12.50 USD" in show(page, f"{link}?distribute=1")
    assert "Cost, for information 9.00 USD" in show(page, f"{link}?kind=showback")
    sheet = page.get(f"{link}?format=html&kind=showback")
    assert 'filename="showback_acme_a-b--c-_2026-11.html"' in sheet["Content-Disposition"]
    assert "<style>" in sheet.content.decode()
    assert page.get(f"{link}?format=csv")["Content-Type"] == "text/csv; charset=utf-8"
    for path in ("/statements/2026-11/nobody", "/statements/2026-13/a", "/statements?month=x"):
        assert page.get(path).status_code == 404


def test_a_ledger_that_is_away_is_said_on_both_pages(page: Client) -> None:
    for path in ("/statements", "/statements/2026-11/acme"):
        assert "The ledger can't be read at the moment" in show(page, path)


@pytest.mark.usefixtures("configured_ch")
def test_months_without_anything_say_so(page: Client) -> None:
    assert "No calls and no GPU time in these months" in show(page, "/statements?month=2020-05")

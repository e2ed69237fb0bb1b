from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape

import plotly.graph_objects as go
import pytest
from django.http import QueryDict
from django.test import Client

from dashboards.assumption_fields import fields, read_entered
from dashboards.commitment_table import commitment_table
from dashboards.ownership_table import ownership_table
from finops.accounts.models import Workspace
from finops.clickhouse.client import Warehouse
from finops.insights.assumptions import assume
from finops.insights.commitment_case import OF_POOL, commitment_case
from finops.insights.ownership_case import ALL, OF_SERVING, ownership_case
from finops.queries.demand import Demand
from tests.dashboards.test_overview import text_of
from tests.queries.rows import Charge, ledger_of

STEADY = Demand((Decimal("1.4"),) * 24 * 20 + (Decimal("0.7"),) * 24 * 20, None, None)


def test_the_page_says_what_to_reserve_in_words_and_figures() -> None:
    case = commitment_case(STEADY, assume(OF_POOL, {"on_demand_usd": "2"}))
    assert case is not None
    table = commitment_table(case, "GPU")
    # at 70 % two GPUs are needed half of the time, which 55 % of the price is too much for
    assert table.verdict == "Reserve 1 GPU for 3 years"
    assert table.plans[2].best
    assert (table.plans[2].level, table.plans[2].used) == ("1 GPU", "100 %")
    assert table.plans[2].pays_off == "19.8 of 36 months"
    assert [row.demand for row in table.what_if][2:5] == ["−10 %", "as is", "+10 %"]
    drawn = go.Figure(table.figure)
    assert [trace.name for trace in drawn.data] == ["reserved and used", "on demand"]
    assert table.load[0] == ("the highest", "2 GPUs")


def test_a_short_past_gets_no_advice() -> None:
    short = Demand(STEADY.hours[:100], None, None)
    case = commitment_case(short, assume(OF_POOL, {"on_demand_usd": "2"}))
    assert case is not None
    assert commitment_table(case, "GPU").verdict.startswith("Too little history to recommend")


def test_the_ways_are_compared_in_words_and_lines() -> None:
    given = {
        "output_tokens": "1e9", "input_tokens": "3e9", "api_usd": "100000",
        "throughput_tokens_s": "1000",
    }  # fmt: skip
    case = ownership_case(assume(ALL, given))
    assert case is not None
    table = ownership_table(case)
    assert "would cost least" in table.verdict
    assert table.break_evens[0].startswith("Rented GPUs: from ")
    assert table.break_evens[0].endswith("(today 4.00B).")
    drawn = go.Figure(table.figure)
    assert [trace.name for trace in drawn.data] == [row.name for row in table.rows]
    assert sum(row.best_year for row in table.rows) == 1


def test_a_field_keeps_what_was_typed_and_says_what_is_wrong_with_it() -> None:
    entered = read_entered(QueryDict("utilisation_percent=500&replica_gpus=8"), OF_SERVING)
    assert entered.given == {"replica_gpus": "8"}
    found = {f.name: f for f in fields(OF_SERVING, assume(OF_SERVING, entered.given), entered)}
    assert found["utilisation_percent"].entered == "500"
    assert "between 1 and 100" in found["utilisation_percent"].error
    assert found["replica_gpus"].source == "entered by you"
    assert (found["least_replicas"].entered, found["least_replicas"].usual) == ("", "1")


@pytest.fixture
def traffic(configured_ch: Warehouse, acme: Workspace) -> Warehouse:
    """A call in each of the last 30 hours."""
    now = datetime.now(UTC)
    ledger_of(
        configured_ch,
        *(
            Charge(now - timedelta(hours=hour, minutes=5), Decimal(3), workspace_id=acme.pk)
            for hour in range(30)
        ),
    )
    return configured_ch


def figures(html: str) -> list[go.Figure]:
    found = re.findall(r'<script id="[\w-]+-data" type="application/json">(.*?)</script>', html)
    return [go.Figure(json.loads(text)) for text in found]


def test_the_pages_show_their_case_and_keep_what_was_entered(
    page: Client, traffic: Warehouse
) -> None:
    html = page.get("/commitments", {"discount_1y_percent": "60"}).content.decode()
    text = text_of(html)
    assert "In the hours so far, $3.00 an hour for 1 year would have cost least" in text
    assert "a level to reserve takes 14 days at least" in text
    assert 'name="discount_1y_percent" value="60"' in html
    assert len(figures(html)) == 1
    query = {"throughput_tokens_s": "1,000", "pue": "<b>"}
    html = page.get("/ownership", query).content.decode()
    text = text_of(html)
    assert "PUE takes a number, such as 12.5. It is left out below." in text
    assert 'value="&lt;b&gt;"' in html
    assert "measured: the ledger" in unescape(text)
    assert "Only 29 hours of traffic are known" in text
    assert "would cost least" in text
    assert len(figures(html)) == 1
    assert not re.search(r'\son\w+="|style="', html)


def test_what_is_missing_is_asked_for(page: Client, configured_ch: Warehouse) -> None:
    text = text_of(page.get("/ownership").content.decode())
    assert "Something has to be entered first" in text
    assert "Throughput at your latency" in text
    text = text_of(page.get("/commitments").content.decode())
    assert "Nothing to look at in the last 90 days" in text
    text = text_of(page.get("/commitments", {"pool": "x", "days": "7"}).content.decode())
    assert "No pool “x” has a bill in these days; this is spend." in text
    assert "There is no days “7”; there is 30, 90, 180, 365." in text

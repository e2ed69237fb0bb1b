from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import plotly.graph_objects as go
import pytest
from django.http import QueryDict
from django.test import Client

from dashboards.change_words import part_text, sentence, signed
from dashboards.changes import compare, moved_back
from dashboards.money import Money
from dashboards.page_state import read_state
from dashboards.waterfall import Step, waterfall
from finops.accounts.models import Workspace
from finops.clickhouse.client import Warehouse
from finops.insights.drivers import FACTORS, Change
from finops.pricing.currency import DayRate
from finops.queries import Range
from tests.dashboards.test_overview import text_of
from tests.queries.rows import Charge, at, ledger_of

DAY = {"from": "2026-11-21T12:00", "to": "2026-11-21T14:00"}
BERLIN = ZoneInfo("Europe/Berlin")


def change(**parts: str) -> Change:
    known = {factor: Decimal(parts.get(factor, 0)) for factor in FACTORS}
    return Change(Decimal(100), Decimal(100) + sum(known.values()), known)


def test_a_change_is_said_by_size_and_without_what_is_not_worth_it() -> None:
    said = sentence(change(volume="310", price="-40", cache="-22", retry="0.01"))
    assert said == "volume +$310.00 · price −$40.00 · cache −$22.00"
    assert sentence(change()) == ""


def test_amounts_carry_their_sign_and_next_to_nothing_reads_so() -> None:
    assert [signed(Decimal(x)).short for x in ("-0.5", "0", "12")] == [
        "−$0.500", "$0.00", "+$12.00",
    ]  # fmt: skip
    small = part_text(Decimal("0.000000000694"), change())
    assert (small.short, small.exact) == ("≈ 0", "+$0.000000000694")


def test_a_change_is_said_in_the_currency_of_the_workspace() -> None:
    euro = Money("EUR", DayRate("EUR", date(2026, 11, 20), Decimal("0.5")))
    assert (
        sentence(change(volume="310", price="-40"), money=euro) == "volume +€155.00 · price −€20.00"
    )
    steps = [Step("volume", Decimal(5))]
    figure = waterfall(("before", Decimal(10)), steps, ("now", Decimal(15)), euro)
    assert [trace["x"] for trace in figure["data"]] == [[5.0, 7.5], [2.5]]
    assert figure["layout"]["xaxis"]["tickprefix"] == "€"


def test_the_waterfall_leads_from_one_cost_to_the_other() -> None:
    steps = [Step("volume", Decimal(5)), Step("cache", Decimal(-8))]
    figure = waterfall(("before", Decimal(10)), steps, ("now", Decimal(7)))
    drawn = go.Figure(figure)
    placed = {
        name: (base, base + length)
        for trace in drawn.data
        for name, base, length in zip(trace.y, trace.base, trace.x, strict=True)
    }
    assert placed == {"before": (0, 10), "volume": (10, 15), "cache": (7, 15), "now": (0, 7)}
    assert list(drawn.layout.yaxis.categoryarray) == ["before", "volume", "cache", "now"]


def test_a_week_before_is_at_the_same_time_of_the_clocks_though_one_was_turned_back() -> None:
    span = Range(
        datetime(2026, 10, 26, tzinfo=BERLIN).astimezone(UTC),
        datetime(2026, 10, 27, tzinfo=BERLIN).astimezone(UTC),
    )
    back = moved_back(span, timedelta(days=1), BERLIN)
    assert back is not None
    # 25 October 2026 has 25 hours in Berlin
    assert (back.start, back.length.total_seconds()) == (
        datetime(2026, 10, 24, 22, tzinfo=UTC), 25 * 3600,
    )  # fmt: skip


def test_what_still_runs_is_compared_with_as_much_and_a_baseline_can_be_given() -> None:
    now = at("13:00")

    def compared(query: str) -> tuple[Range, Range | None, list[str]]:
        asked = QueryDict(query)
        state = read_state(asked, now=now, zone=ZoneInfo("UTC"), known=None)
        found = compare(asked, state, ZoneInfo("UTC"), now)
        return found.span, found.baseline, state.notes

    day = "from=2026-11-21T12:00&to=2026-11-21T14:00"
    assert compared(day)[:2] == (Range(at("12:00"), now), Range(at("11:00"), at("12:00")))
    given = compared(f"{day}&base_from=2026-11-21T08:00&base_to=2026-11-21T09:00")
    assert given[1] == Range(at("08:00"), at("09:00"))
    assert "takes two times" in compared(f"{day}&base_from=x")[2][0]


@pytest.fixture
def grown(configured_ch: Warehouse, acme: Workspace) -> Warehouse:
    ws = acme.pk
    ledger_of(
        configured_ch,
        Charge(at("10:30"), Decimal(1), action_id="a", workspace_id=ws),
        Charge(at("10:30"), Decimal(2), action_id="b", tenant="", workspace_id=ws),
        Charge(at("12:30"), Decimal(1), action_id="c", workspace_id=ws),
        Charge(at("13:30"), Decimal(2), action_id="d", workspace_id=ws),
        Charge(at("13:40"), None, action_id="e", workspace_id=ws, unpriced_reason="no_rate"),
    )
    return configured_ch


def test_the_page_says_how_much_why_and_where(page: Client, grown: Warehouse) -> None:
    html = page.get("/changes", DAY).content.decode()
    text = text_of(html)
    # acme: 1 action at $1 became 2 at $1.50; the other tenant's $2 are gone
    assert "Nothing changed between the two" not in text
    assert "from $3.00 ($3) to $3.00 ($3)" in text
    assert "Rises of $2.00 and falls of $2.00 offset each other in the sum." in text
    assert "acme $1.00 $3.00 +$2.00 volume +$1.25 · price +$0.750" in text
    assert "unattributed $2.00 $0.00 −$2.00 volume −$2.00" in text
    assert "1 call without a price is left out of both" in text
    match = re.search(
        r'<script id="steps-figure-data" type="application/json">(.*?)</script>', html
    )
    assert match
    go.Figure(json.loads(match[1]))
    assert not re.search(r'\son\w+="|style="', html)


def test_the_overview_fetches_its_line_and_leads_to_the_page(
    page: Client, grown: Warehouse
) -> None:
    query = {**DAY, "tenant": "acme"}
    assert 'hx-get="/changes/line?' in page.get("/", query).content.decode()
    line = page.get("/changes/line", query).content.decode()
    assert "volume +$1.25 · price +$0.750" in line
    assert "/changes?from=" in line


def test_without_calls_the_page_leads_to_the_first_one(
    page: Client, configured_ch: Warehouse
) -> None:
    assert "No calls yet" in page.get("/changes").content.decode()

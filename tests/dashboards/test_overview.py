"""The Overview as its server sends it: everything but the drawing is there without JavaScript."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.test import Client

from finops.accounts.models import Workspace
from finops.clickhouse.client import Warehouse
from finops.config import load_config
from finops.demo.notice import NOTICE
from finops.health.heartbeat import LOADED, beat
from finops.queries.ledger import SETTINGS
from tests.queries.rows import Charge, at, ledger_of

DAY = {"from": "2026-11-21T00:00", "to": "2026-11-21T23:00"}


def text_of(html: str) -> str:
    """What a reader sees, in one line."""
    without_code = re.sub(r"<(script|style|svg|head)\b.*?</\1>", " ", html, flags=re.DOTALL)
    words = unescape(re.sub(r"<[^>]+>", " ", without_code)).split()
    return " ".join(words).replace("( ", "(").replace(" )", ")")


def show(page: Client, **query: str | list[str]) -> str:
    response = page.get("/", query)
    assert response.status_code == 200
    return response.content.decode()


@pytest.fixture
def traffic(configured_ch: Warehouse, acme: Workspace) -> Warehouse:
    ws = acme.pk
    ledger_of(
        configured_ch,
        Charge(at("10:01"), Decimal("0.10"), last_attempt=0, waste_class="retry", workspace_id=ws),
        Charge(at("10:02"), Decimal("0.90"), workspace_id=ws),
        Charge(at("10:03"), Decimal("0.60"), tenant="", model="claude", workspace_id=ws),
        Charge(at("10:04"), None, model="mystery", workspace_id=ws, unpriced_reason="no_rate"),
    )
    return configured_ch


def test_cards_show_spend_unit_cost_waste_and_requests(page: Client, traffic: Warehouse) -> None:
    text = text_of(show(page, **DAY))
    assert "Spend ? Every call" in text
    assert "$1.60" in text
    # clean 1.50 over 3 successful requests; loaded 1.60 over 3
    assert "$0.500 ($0.5)" in text
    assert "$0.533 loaded with waste" in text
    assert "6.2 % of spend" in text
    assert "100 % of 3 requests" in text
    assert "4 calls, 1 without a price" in text


def test_the_table_marks_the_unattributed_and_the_unpriced(
    page: Client, traffic: Warehouse
) -> None:
    html = show(page, **DAY)
    rows = re.findall(r"<tr>.*?</tr>", html[html.index('id="unit-costs"') :], flags=re.DOTALL)
    texts = [text_of(row) for row in rows]
    assert texts[1].startswith("acme gpt-4o $1.00 62 %")
    assert texts[2].startswith("unattributed claude $0.600")
    assert texts[3].startswith("acme mystery unpriced")
    assert texts[4].startswith("All $1.60 +1 unpriced")


def test_unpriced_calls_have_a_panel_of_their_own(page: Client, traffic: Warehouse) -> None:
    text = text_of(show(page, **DAY))
    assert "1 call without a price" in text
    assert "mystery openai no rate is known for this model 1 100 10" in text
    assert "without a price They are" not in text_of(show(page, **DAY, model="claude"))


def test_the_figure_is_data_and_never_script(page: Client, traffic: Warehouse) -> None:
    html = show(page, **DAY)
    match = re.search(r'<script id="cost-figure-data" type="application/json">(.*?)</script>', html)
    assert match
    figure = json.loads(match[1])
    assert {trace["name"] for trace in figure["data"]} == {"gpt-4o", "claude", "mystery"}
    assert not re.search(r"<script(?![^>]*(src=|application/json))", html)
    assert not re.search(r'\son\w+="|style="', html)


def test_a_name_of_a_client_is_text_everywhere(
    page: Client, configured_ch: Warehouse, acme: Workspace
) -> None:
    nasty = "</script><img src=x onerror=alert(1)>"
    ledger_of(configured_ch, Charge(at("10:00"), tenant=nasty, model=nasty, workspace_id=acme.pk))
    html = show(page, **DAY, tenant=nasty)
    assert "<img" not in html
    assert nasty in unescape(html)


def test_the_page_obeys_its_address(page: Client, traffic: Warehouse) -> None:
    html = show(page, **DAY, tenant="", group="model", sort="cost_usd")
    assert "unattributed" in html
    assert "gpt-4o" not in html[html.index('id="unit-costs"') :]
    assert 'aria-sort="ascending"' in html
    link = unescape(html).split('title="Rows by tenant"')[0].rsplit('href="', 1)[1].split('"')[0]
    assert link == "?from=2026-11-21T00%3A00&to=2026-11-21T23%3A00&group=tenant" + (
        "&sort=cost_usd&tenant="
    )


def test_a_change_is_told_against_the_period_before(
    page: Client, configured_ch: Warehouse, acme: Workspace
) -> None:
    ledger_of(
        configured_ch,
        Charge(at("08:30"), Decimal(2), workspace_id=acme.pk),
        Charge(at("10:30"), Decimal(3), workspace_id=acme.pk),
    )
    text = text_of(show(page, **{"from": "2026-11-21T10:00", "to": "2026-11-21T12:00"}))
    assert "▲ up 50 % vs 2 hours before" in text
    assert "→ no change vs 2 hours before" in text
    text = text_of(show(page, **{"from": "2026-11-21T08:00", "to": "2026-11-21T10:00"}))
    assert "no calls in the 2 hours before" in text


def test_freshness_says_up_to_when_all_is_costed(page: Client, traffic: Warehouse) -> None:
    assert "nothing costed yet" in text_of(show(page, **DAY))
    now = datetime.now(UTC).replace(microsecond=0)
    beat(LOADED, now)
    assert f"costed to {now:%H:%M:%S}" in text_of(show(page, **DAY))


def test_without_any_call_the_page_says_how_to_send_one(
    page: Client, configured_ch: Warehouse
) -> None:
    html = show(page)
    assert "No calls yet" in html
    assert f'inferledger.init("{load_config().otlp_endpoint}"' in unescape(html)
    assert 'hx-get="/overview/waiting"' in html


def test_the_waiting_page_is_told_when_the_first_call_is_there(
    page: Client, configured_ch: Warehouse, acme: Workspace
) -> None:
    assert page.get("/overview/waiting").status_code == 204
    ledger_of(configured_ch, Charge(at("10:00"), workspace_id=acme.pk))
    assert page.get("/overview/waiting")["HX-Refresh"] == "true"


def test_a_range_without_calls_offers_one_that_has_some(
    page: Client, configured_ch: Warehouse, acme: Workspace
) -> None:
    then = datetime.now(UTC) - timedelta(days=5)
    ledger_of(configured_ch, Charge(then, workspace_id=acme.pk))
    html = show(page, range="24h")
    assert "No calls in this range" in html
    assert '<a class="button primary" href="?range=7d">Show the last 7 days</a>' in html
    assert "No calls" not in show(page, range="7d")


def test_filters_that_match_nothing_can_be_cleared(page: Client, traffic: Warehouse) -> None:
    html = show(page, **DAY, tenant="nobody")
    assert "No calls match these filters" in html
    assert 'href="?from=2026-11-21T00%3A00&amp;to=2026-11-21T23%3A00">Clear the filters</a>' in html


def test_a_warehouse_that_is_away_is_said_with_the_request_id(
    page: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FINOPS_CLICKHOUSE_URL", "clickhouse://finops:x@127.0.0.1:1/finops")
    load_config.cache_clear()
    response = page.get("/")
    monkeypatch.undo()
    load_config.cache_clear()
    assert response.status_code == 200
    text = text_of(response.content.decode())
    assert text.count("The ledger can't be read at the moment") == 3
    assert response["X-Request-Id"] in text
    assert "No calls yet" not in text


def test_one_part_that_fails_leaves_the_others_standing(page: Client, traffic: Warehouse) -> None:
    traffic.command("DROP TABLE segments")
    text = text_of(show(page, **DAY))
    assert "freshness unknown" in text
    assert "$1.60" in text


def test_a_part_that_takes_too_long_says_to_ask_for_less(
    page: Client, traffic: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SETTINGS, "max_execution_time", 0.000001)
    text = text_of(show(page, **DAY))
    assert "This took too long to work out: ask for a shorter range" in text


def test_a_range_longer_than_calls_are_kept_is_refused_in_words(
    page: Client, traffic: Warehouse
) -> None:
    text = text_of(show(page, **{"from": "2024-01-01", "to": "2026-11-21"}))
    assert "The range is too long: ask for at most 800 days." in text


def test_the_demo_says_what_is_recorded_and_what_is_drawn(
    page: Client, traffic: Warehouse, acme: Workspace
) -> None:
    assert NOTICE not in unescape(show(page, **DAY))
    Workspace.objects.filter(pk=acme.pk).update(slug="demo")
    assert NOTICE in unescape(show(page, **DAY))


def test_more_rows_are_a_click_away(
    page: Client, configured_ch: Warehouse, acme: Workspace
) -> None:
    charges = [Charge(at("10:00"), tenant=f"tenant-{i}", workspace_id=acme.pk) for i in range(20)]
    ledger_of(configured_ch, *charges)
    html = show(page, **DAY)
    assert "15 of 20 rows" in text_of(html)
    assert "tenant-19" in show(page, **DAY, rows="all").split('id="unit-costs"')[1]


def test_the_csv_link_asks_the_api_the_same_question(page: Client, traffic: Warehouse) -> None:
    html = unescape(show(page, **DAY, model="gpt-4o"))
    link = re.search(r'href="(/api/v1/unit-costs[^"]+)"', html)
    assert link
    response = page.get(link[1])
    csv = b"".join(response).decode()
    assert csv.splitlines()[1].startswith("acme,gpt-4o,1,1,2,0,200,20,1.000000000000")


def test_nobody_known_is_sent_to_the_login(client: Client, db: None) -> None:
    assert client.get("/")["Location"].startswith("/login")


@pytest.mark.parametrize(
    "span",
    [
        {"from": "2000-01-01", "to": "2000-02-01"},
        {"from": "2000-01-01", "to": "2099-12-30"},
        {"from": "2026-11-21T10:00", "to": "2090-01-01"},
    ],
)
def test_a_range_at_the_end_of_the_calendar_is_still_a_page(
    page: Client, traffic: Warehouse, span: dict[str, str]
) -> None:
    html = show(page, **span)
    assert len(html) < 3_000_000

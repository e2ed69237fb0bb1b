"""The Data page: does anything come, who sends it, and what wasn't taken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from finops.accounts.models import Workspace
from finops.clickhouse.client import Warehouse
from finops.models import Refusal
from tests.costing.calls import insert_calls
from tests.dashboards.test_overview import text_of
from tests.queries.test_arrivals import add_arrival


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)


def show(page: Client, path: str = "/data") -> str:
    response = page.get(path)
    assert response.status_code == 200
    return text_of(response.content.decode())


def add_call(ch: Warehouse, workspace: Workspace, received_at: datetime) -> None:
    call = {"received_at": received_at, "started_at": received_at, "workspace_id": workspace.pk}
    insert_calls(ch, [call])


@pytest.mark.usefixtures("configured_ch")
def test_a_workspace_without_data_waits_and_says_how_to_send(page: Client) -> None:
    text = show(page)
    assert "Waiting for your first span" in text
    assert "inferledger.init(" in text
    assert "export OTEL_EXPORTER_OTLP_ENDPOINT=http" in text
    assert "Who sends what" not in text


def test_the_page_turns_green_with_the_first_call(
    page: Client, configured_ch: Warehouse, acme: Workspace, now: datetime, hour: datetime
) -> None:
    add_call(configured_ch, acme, now)
    add_arrival(configured_ch, acme.pk, hour, "a", dialect="openinference", last_at=now)
    text = show(page)
    assert "Receiving calls" in text
    assert "chat of gpt-4o at openai" in text
    assert "OpenInference openai@1 10 spans 4 6 steps around calls, or sent twice" in text


def test_an_old_call_is_not_called_live(
    page: Client, configured_ch: Warehouse, acme: Workspace, now: datetime
) -> None:
    add_call(configured_ch, acme, now - timedelta(hours=2))
    assert "No call in the last five minutes" in show(page)


def test_spans_of_which_none_is_a_call_are_told_apart_from_nothing(
    page: Client, configured_ch: Warehouse, acme: Workspace, hour: datetime
) -> None:
    add_arrival(configured_ch, acme.pk, hour, "a", dialect="", emitter="", calls=0)
    text = show(page)
    assert "none of them is a call to a model" in text
    assert "not understood – 10 spans 0 10 names nothing that tells of inference" in text


def test_data_of_another_workspace_is_nowhere(
    page: Client, configured_ch: Warehouse, acme: Workspace, now: datetime, hour: datetime
) -> None:
    other = Workspace.objects.create(slug="globex", name="Globex")
    add_call(configured_ch, other, now)
    add_arrival(configured_ch, other.pk, hour, "a")
    Refusal.objects.create(
        workspace=other, hour=hour, signal="traces", reason="busy", number=1, last_at=now
    )
    text = show(page)
    assert "Waiting for your first span" in text
    assert "Not taken" not in text


def test_what_was_not_taken_is_told_with_what_the_sender_heard(
    page: Client, configured_ch: Warehouse, acme: Workspace, now: datetime, hour: datetime
) -> None:
    Refusal.objects.create(
        workspace=acme,
        hour=hour,
        signal="traces",
        reason="too_large",
        number=1234,
        message="The body has <b>too</b> many bytes.",
        last_at=now,
    )
    assert "too large traces 1,234 The body has <b>too</b> many bytes." in show(page)


def test_the_collector_that_does_not_answer_is_named(
    page: Client, configured_ch: Warehouse
) -> None:
    assert "It doesn't answer at the moment" in show(page)


def test_a_ledger_that_is_away_takes_its_own_part_alone(page: Client) -> None:
    text = show(page)
    assert "The ledger can't be read at the moment" in text
    assert "The collector" in text


def test_a_range_that_is_none_of_ours_is_a_day(page: Client, configured_ch: Warehouse) -> None:
    html = page.get("/data?range=%27").content.decode()
    assert '<a href="?range=24h" aria-current="true">' in html


def test_metrics_alone_are_shown_while_the_first_span_is_waited_for(
    page: Client, configured_ch: Warehouse, acme: Workspace, hour: datetime
) -> None:
    named = {"signal": "metrics", "dialect": "metrics", "emitter": "dcgm, vllm", "calls": 0}
    add_arrival(configured_ch, acme.pk, hour, "a", **named)
    text = show(page)
    assert "Waiting for your first span" in text
    assert "GPUs and servers dcgm, vllm 10 points" in text

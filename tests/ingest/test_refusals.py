"""What wasn't taken is written down by workspace and hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection

from finops.accounts.models import Workspace
from finops.models import Refusal
from ingest import refusals
from ingest.refusals import KEPT_DAYS, MAX_MESSAGE, REJECTED, Refusals
from tests.ingest.payloads import Span, request
from tests.ingest.serving import serving

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 10, 59, 59, tzinfo=UTC)


@pytest.fixture
def shop() -> Workspace:
    return Workspace.objects.create(slug="shop", name="Shop")


def test_refusals_of_an_hour_are_one_row_that_counts(shop: Workspace) -> None:
    noted = Refusals(lambda: NOW)
    for number in range(3):
        noted.note(shop.pk, "traces", "too_large", 1, f"message {number}")
    noted.flush()
    noted.note(shop.pk, "traces", "too_large", 2, "the last message")
    noted.note(shop.pk, "metrics", "too_large", 1, "of metrics")
    noted.flush()

    found = {row.signal: (row.number, row.message) for row in Refusal.objects.all()}
    assert found == {"traces": (5, "the last message"), "metrics": (1, "of metrics")}


def test_the_next_hour_has_a_row_of_its_own(shop: Workspace) -> None:
    times = iter([NOW, NOW + timedelta(seconds=1), NOW + timedelta(seconds=2)])
    noted = Refusals(lambda: next(times))
    noted.note(shop.pk, "traces", "malformed", 1, "")
    noted.note(shop.pk, "traces", "malformed", 1, "")
    noted.flush()
    assert [row.hour.hour for row in Refusal.objects.order_by("hour")] == [10, 11]


def test_a_long_message_is_cut_and_not_refused_itself(shop: Workspace) -> None:
    noted = Refusals(lambda: NOW)
    noted.note(shop.pk, "traces", "malformed", 1, "x" * 5000)
    noted.flush()
    assert Refusal.objects.get().message == "x" * MAX_MESSAGE


@pytest.mark.django_db(transaction=True)
def test_a_workspace_that_is_gone_keeps_nobody_elses_refusals_back(shop: Workspace) -> None:
    noted = Refusals(lambda: NOW)
    noted.note(10**6, "traces", "malformed", 1, "")
    noted.note(shop.pk, "traces", "malformed", 1, "")
    noted.flush()
    assert Refusal.objects.get().workspace == shop


@pytest.mark.django_db(transaction=True)
def test_what_can_not_be_written_is_kept_for_the_next_flush(shop: Workspace) -> None:
    noted = Refusals(lambda: NOW)
    noted.note(shop.pk, "traces", "malformed", 1, "")
    with connection.execute_wrapper(out_of_order):
        noted.flush()
    noted.note(shop.pk, "traces", "malformed", 1, "")
    noted.flush()
    assert Refusal.objects.get().number == 2


def out_of_order(*_: Any) -> None:
    """Take the place of every statement: the database is away."""
    raise OperationalError("the disk is gone")


def test_places_are_bounded(monkeypatch: pytest.MonkeyPatch, shop: Workspace) -> None:
    monkeypatch.setattr(refusals, "MAX_PLACES", 2)
    noted = Refusals(lambda: NOW)
    for reason in ("a", "b", "c"):
        noted.note(shop.pk, "traces", reason, 1, "")
    noted.note(shop.pk, "traces", "a", 1, "")
    noted.flush()
    assert {row.reason: row.number for row in Refusal.objects.all()} == {"a": 2, "b": 1}


def test_old_rows_are_forgotten(shop: Workspace) -> None:
    old = NOW - timedelta(days=KEPT_DAYS + 1)
    Refusal.objects.create(
        workspace=shop, hour=old, signal="traces", reason="busy", number=1, last_at=old
    )
    noted = Refusals(lambda: NOW)
    noted.note(shop.pk, "traces", "malformed", 1, "")
    noted.flush()
    assert [row.reason for row in Refusal.objects.all()] == ["malformed"]


@pytest.mark.django_db(transaction=True)
def test_a_sender_whose_requests_are_refused_finds_them_in_its_workspace(tmp_path: Path) -> None:
    Workspace.objects.create(pk=42, slug="sender", name="Sender")
    good, bad = Span({"gen_ai.system": "x"}), Span(trace_id=b"short")
    with serving(tmp_path) as receiver:
        assert receiver.post(request(good, bad, bad)).status == 200
        assert receiver.post(b"\xff").status == 400
        assert receiver.post(b"\xff", authorization="Bearer nobody's").status == 401
        assert receiver.post(b"\xff", path="/v1/metrics", content_type="text/plain").status == 415
        receiver.intake.refusals.flush()
    found = {(row.signal, row.reason): row.number for row in Refusal.objects.all()}
    assert found == {
        ("traces", REJECTED): 2,
        ("traces", "malformed"): 1,
        ("metrics", "wrong_content_type"): 1,
    }
    assert "trace_id must be 16 bytes" in Refusal.objects.get(reason=REJECTED).message

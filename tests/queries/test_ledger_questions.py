"""Freshness, unpriced, spend, coverage: the small questions."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from finops.clickhouse.client import Warehouse
from finops.health.heartbeat import LOADED, beat
from finops.queries import (
    Coverage,
    Filters,
    Freshness,
    Range,
    Unpriced,
    coverage,
    freshness,
    names,
    spend,
    unpriced,
)
from tests.queries.rows import WORKSPACE, Charge, at, ledger_of

DAY = Range(at("00:00"), at("23:00"))


def add_segment(ch: Warehouse, name: str, loaded_at: datetime, charged: int, version: int) -> None:
    ch.insert(
        "segments",
        {
            "segment": [name],
            "loaded_at": [loaded_at],
            "charged": [charged],
            "version": [version],
        },
    )


def add_call(ch: Warehouse, segment: str, received_at: datetime, workspace_id: int) -> None:
    ch.insert(
        "calls",
        {
            "workspace_id": [workspace_id],
            "trace_id": [segment.rjust(16, "0")],
            "span_id": ["00000001"],
            "started_at": [received_at],
            "segment": [segment],
            "received_at": [received_at],
        },
    )


@pytest.fixture
def loaded(db: None) -> None:
    """The loader has said that all that came before 14:05:12 is loaded."""
    beat(LOADED, at("14:05:12"))


@pytest.mark.django_db
def test_before_the_loader_has_said_anything_nothing_is_known(ch: Warehouse) -> None:
    assert freshness(ch, WORKSPACE) == Freshness(costed_to=None, waiting_calls=0)


def test_with_nothing_waiting_the_ledger_is_as_far_as_the_loader(
    ch: Warehouse, loaded: None
) -> None:
    add_segment(ch, "a", at("14:00"), 0, 0)
    add_segment(ch, "a", at("14:00"), 1, 1)
    add_call(ch, "a", at("13:59"), WORKSPACE)
    assert freshness(ch, WORKSPACE) == Freshness(at("14:05:12"), 0)
    beat(LOADED, at("18:30"))
    assert freshness(ch, WORKSPACE) == Freshness(at("18:30"), 0)


def test_a_waiting_call_holds_costed_to_back_to_when_it_was_received(
    ch: Warehouse, loaded: None
) -> None:
    add_segment(ch, "a", at("14:05:12"), 1, 1)
    add_segment(ch, "late", at("14:05:30"), 0, 0)
    add_call(ch, "a", at("14:05:11"), WORKSPACE)
    add_call(ch, "late", at("14:04:59"), WORKSPACE)
    assert freshness(ch, WORKSPACE) == Freshness(at("14:04:59"), 1)


def test_what_the_loader_has_still_in_hand_holds_costed_to_back_too(
    ch: Warehouse, loaded: None
) -> None:
    add_segment(ch, "late", at("14:05:30"), 0, 0)
    add_call(ch, "late", at("14:05:20"), WORKSPACE)
    assert freshness(ch, WORKSPACE) == Freshness(at("14:05:12"), 1)


def test_calls_of_others_that_wait_say_nothing_about_this_workspace(
    ch: Warehouse, loaded: None
) -> None:
    add_segment(ch, "a", at("14:05:12"), 1, 1)
    add_segment(ch, "late", at("14:05:30"), 0, 0)
    add_call(ch, "late", at("14:04:59"), 8)
    assert freshness(ch, WORKSPACE) == Freshness(at("14:05:12"), 0)


def test_unpriced_calls_are_listed_by_model_and_reason(ch: Warehouse) -> None:
    ledger_of(
        ch,
        Charge(at("10:00"), None, model="new", provider="x", unpriced_reason="no_rate"),
        Charge(at("10:01"), None, model="new", provider="x", unpriced_reason="no_rate"),
        Charge(
            at("10:02"), None, provider="y", model="m", input_tokens=None, output_tokens=None,
            unpriced_reason="no_usage",
        ),
        Charge(at("10:03"), None, counted=0, unpriced_reason="no_rate"),
        Charge(at("10:04"), Decimal(1)),
        Charge(at("10:05"), None, workspace_id=8, unpriced_reason="no_rate"),
    )  # fmt: skip
    assert unpriced(ch, WORKSPACE, DAY) == [
        Unpriced("x", "new", "no_rate", 2, 200, 20),
        Unpriced("y", "m", "no_usage", 1, 0, 0),
    ]
    assert unpriced(ch, WORKSPACE, DAY, Filters({"model": ("m",)}), limit=1) == [
        Unpriced("y", "m", "no_usage", 1, 0, 0)
    ]


def test_spend_is_everything_that_was_paid_up_to_a_moment(ch: Warehouse) -> None:
    ledger_of(
        ch,
        Charge(at("10:00"), Decimal("1.5")),
        Charge(at("10:40"), Decimal("0.25"), waste_class="retry", last_attempt=0),
        Charge(at("11:00"), Decimal(8), tenant=""),
    )
    assert spend(ch, WORKSPACE, DAY) == Decimal("9.75")
    assert spend(ch, WORKSPACE, DAY, tenant="acme") == Decimal("1.75")
    assert spend(ch, WORKSPACE, DAY, tenant="") == 8
    assert spend(ch, WORKSPACE, DAY, as_of=at("10:40")) == Decimal("1.5")
    assert spend(ch, WORKSPACE, DAY, as_of=DAY.start) == 0
    assert spend(ch, WORKSPACE, DAY, tenant="nobody") == 0


def test_spend_is_unknown_when_no_call_has_a_price(ch: Warehouse) -> None:
    ledger_of(ch, Charge(at("10:00"), None))
    assert spend(ch, WORKSPACE, DAY) is None


def test_coverage_is_from_the_first_call_to_the_last(ch: Warehouse) -> None:
    assert coverage(ch, WORKSPACE) is None
    ledger_of(
        ch,
        Charge(at("10:20")),
        Charge(at("11:30")),
        Charge(at("12:59")),
        Charge(at("20:00"), workspace_id=8),
        Charge(at("21:00"), counted=0),
    )
    assert coverage(ch, WORKSPACE) == Coverage(at("10:20"), at("12:59"))


def test_names_are_those_of_the_workspace_in_the_range_the_costliest_first(ch: Warehouse) -> None:
    ledger_of(
        ch,
        Charge(at("10:20"), Decimal(1), tenant="small"),
        Charge(at("10:20"), Decimal(5), tenant=""),
        Charge(at("20:20"), tenant="later"),
        Charge(at("10:20"), tenant="foreign", workspace_id=8),
    )
    assert names(ch, WORKSPACE, Range(at("10:30"), at("11:30")), "tenant") == ["", "small"]

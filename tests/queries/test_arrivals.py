"""What arrived, as the Data page asks."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from finops.clickhouse.client import Warehouse
from finops.queries import Arrival, Range, Shares, arrivals, last_call, shares
from tests.costing.calls import START, insert_calls
from tests.queries.rows import Charge, add_charges, at

HOUR = timedelta(hours=1)


def add_arrival(
    ch: Warehouse, workspace_id: int, hour: datetime, segment: str, **other: object
) -> None:
    row = {
        "workspace_id": workspace_id,
        "hour": hour,
        "signal": "traces",
        "dialect": "gen_ai",
        "emitter": "openai@1",
        "segment": segment,
        "received": 10,
        "calls": 4,
        "last_at": hour + timedelta(minutes=5),
        **other,
    }
    ch.insert("arrivals", {name: [value] for name, value in row.items()})


def test_segments_of_an_emitter_add_up_and_copies_of_one_do_not(ch: Warehouse) -> None:
    for segment in ("a", "b", "a"):
        add_arrival(ch, 7, at("10:00"), segment)
    add_arrival(ch, 7, at("11:00"), "c", dialect="", emitter="", received=3, calls=0)
    add_arrival(ch, 8, at("10:00"), "d")
    add_arrival(ch, 7, at("08:00"), "e")

    assert arrivals(ch, 7, Range(at("10:30"), at("11:30"))) == [
        Arrival("traces", "gen_ai", "openai@1", 20, 8, at("10:05")),
        Arrival("traces", "", "", 3, 0, at("11:05")),
    ]


def test_metrics_become_no_calls_and_ignore_none() -> None:
    assert Arrival("metrics", "dcgm", "", 5, 0, at("10:00")).ignored == 0
    assert Arrival("traces", "gen_ai", "", 5, 2, at("10:00")).ignored == 3


def test_shares_are_of_the_calls_that_count(ch: Warehouse) -> None:
    charges = [
        Charge(at("10:00")),
        Charge(at("10:01"), tenant=""),
        Charge(at("10:02"), None, unpriced_reason="no_rate"),
        Charge(at("10:03"), tenant=""),
        Charge(at("10:04"), counted=0, tenant=""),
        Charge(at("12:00"), tenant=""),
    ]
    add_charges(ch, charges)
    found = shares(ch, 7, Range(at("10:00"), at("11:00")))
    assert found == Shares(calls=5, repeated=1, unattributed=2, unpriced=1)
    assert (found.unattributed_share, found.unpriced_share) == (Decimal("0.5"), Decimal("0.25"))


def test_no_calls_have_no_shares() -> None:
    assert Shares(2, 2, 0, 0).unpriced_share is None


def test_the_last_call_is_the_one_received_last(ch: Warehouse) -> None:
    insert_calls(
        ch,
        [
            {"received_at": START + HOUR, "model_served": "late"},
            {"received_at": START, "model_served": "early"},
            {"received_at": START + 2 * HOUR, "workspace_id": 2},
        ],
    )
    found = last_call(ch, 1, START - HOUR)
    assert found is not None
    assert (found.model, found.received_at) == ("late", START + HOUR)
    assert last_call(ch, 1, START + HOUR) is None
    assert last_call(ch, 3, START) is None

"""The job as a whole: late rows, repeats, kills, batches, leases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from finops.clickhouse.client import Warehouse
from finops.clickhouse.errors import Unavailable
from finops.costing.charge import charge_batches, charge_waiting
from finops.costing.errors import LeaseLost
from finops.costing.gather import Batch
from finops.costing.lease import LIFETIME, Lease, give_lease_back, renew_lease, take_lease
from finops.costing.models import JobLease
from finops.pricing.publish import publish_rates
from tests.costing.calls import START, insert_calls, span
from tests.costing.charging import charge, charge_of, charges, clock, rollup

pytestmark = pytest.mark.django_db

MIXED: list[dict[str, Any]] = [
    {"span": "a", "request_id": "r", "outcome": "timeout", "started_at": START},
    {"span": "b", "request_id": "r", "attempt": 1, "started_at": START + timedelta(minutes=1)},
    {"span": "c", "tenant": "globex", "started_at": START + timedelta(minutes=59)},
    {"span": "d", "tenant": "globex", "started_at": START + timedelta(hours=1)},
    {"span": "e", "model_served": "house-7b", "started_at": START + timedelta(minutes=2)},
]
# The writes of a run, in their order; what else it does are temporary tables of its connection.
WRITES = ("rates", "rate_aliases", "charges", "usage_hourly", "segments")


class Dying(Warehouse):
    """A connection that breaks at a write to a table: before it, or before its answer came."""

    def __init__(self, inner: Warehouse, table: str, *, answered: bool) -> None:
        super().__init__(inner._client)
        self._table = table
        self._answered = answered

    def command(
        self,
        sql: str,
        params: Mapping[str, Any] | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
    ) -> int:
        mine = sql.split()[:3] == ["INSERT", "INTO", self._table]
        return self._die(mine, lambda: super(Dying, self).command(sql, params, settings=settings))

    def insert(
        self,
        table: str,
        columns: Mapping[str, Sequence[Any]],
        *,
        settings: Mapping[str, Any] | None = None,
    ) -> int:
        mine = table == self._table
        return self._die(mine, lambda: super(Dying, self).insert(table, columns, settings=settings))

    def _die(self, mine: bool, statement: Callable[[], int]) -> int:
        if mine and not self._answered:
            raise Unavailable(f"killed before {self._table}")
        written = statement()
        if mine:
            raise Unavailable(f"killed after {self._table}")
        return written


def ledger_of(ch: Warehouse, workspace: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return charges and sums of a workspace without what differs from run to run."""
    rows = ch.query(
        "SELECT * EXCEPT (workspace_id, version, rate_version) FROM charges FINAL"
        " WHERE workspace_id = {workspace:UInt64} ORDER BY started_at, hex(span_id)",
        {"workspace": workspace},
    )
    sums = ch.query(
        "SELECT * EXCEPT (workspace_id, version) FROM usage_hourly FINAL"
        " WHERE workspace_id = {workspace:UInt64} ORDER BY ALL",
        {"workspace": workspace},
    )
    return rows, sums


def test_a_late_success_turns_what_was_charged_before_into_a_retry(ch: Warehouse) -> None:
    insert_calls(ch, [{"span": "a", "request_id": "r", "attempt": 0, "outcome": "timeout"}])
    charge(ch)
    assert charge_of(ch, "a")["waste_class"] == "failed"

    late = START + timedelta(minutes=40)
    insert_calls(ch, [{"span": "b", "request_id": "r", "attempt": 1, "started_at": late}])
    charge(ch)

    assert charge_of(ch, "a")["waste_class"] == "retry"
    (row,) = rollup(ch)
    assert (row["calls"], row["requests"], row["retry_cost_usd"]) == (2, 1, Decimal("0.0035"))
    assert row["failed_cost_usd"] == 0


def test_a_row_of_an_hour_long_past_is_charged_into_that_hour(ch: Warehouse) -> None:
    insert_calls(ch, [{"span": "now"}])
    charge(ch)
    insert_calls(ch, [{"span": "old", "started_at": START - timedelta(days=40)}])
    charge(ch)

    assert [(row["hour"], row["calls"]) for row in rollup(ch)] == [
        (START - timedelta(days=40), 1),
        (START, 1),
    ]


def test_a_second_run_changes_nothing(ch: Warehouse) -> None:
    insert_calls(ch, MIXED)
    charge(ch)
    before = charges(ch), rollup(ch)

    assert charge(ch).segments == 0
    assert (charges(ch), rollup(ch)) == before


def test_a_span_that_was_delivered_twice_is_charged_once(ch: Warehouse) -> None:
    insert_calls(ch, [{"span": "a", "started_at": START}])
    charge(ch)
    insert_calls(ch, [{"span": "a", "started_at": START}])
    charge(ch)

    (row,) = rollup(ch)
    assert (row["calls"], row["cost_usd"]) == (1, Decimal("0.0035"))


def test_a_group_that_no_call_is_in_any_more_vanishes(ch: Warehouse) -> None:
    insert_calls(ch, [{"span": "a", "tenant": "acme", "started_at": START}])
    charge(ch)
    later = START + timedelta(days=1)
    insert_calls(ch, [{"span": "a", "tenant": "globex", "started_at": START, "received_at": later}])
    charge(ch)

    assert [(row["tenant"], row["calls"]) for row in rollup(ch)] == [("globex", 1)]


def test_hours_of_workspaces_never_mix(ch: Warehouse) -> None:
    same = {"trace": "t", "span": "a", "request_id": "r", "response_id": "resp", "prompt_hash": 1}
    insert_calls(ch, [{**same, "workspace_id": 1}, {**same, "workspace_id": 2}])

    charge(ch)

    assert [(row["workspace_id"], row["requests"]) for row in rollup(ch)] == [(1, 1), (2, 1)]


def test_small_batches_say_the_same_as_one(ch: Warehouse) -> None:
    insert_calls(ch, [{**call, "workspace_id": 1} for call in MIXED])
    charge(ch)
    for call in MIXED:
        insert_calls(ch, [{**call, "workspace_id": 2}])
    charge(ch, batch_calls=1, round_calls=2)

    assert ledger_of(ch, 2) == ledger_of(ch, 1)


@pytest.mark.parametrize("answered", [False, True], ids=["before", "after"])
def test_a_run_killed_at_any_write_is_made_good_by_the_next(ch: Warehouse, answered: bool) -> None:
    for workspace, table in enumerate(WRITES, start=100):
        insert_calls(ch, [{**call, "workspace_id": workspace} for call in MIXED])
        lease = take_lease("charge", now=clock())
        assert lease is not None
        with pytest.raises(Unavailable):
            charge_waiting(Dying(ch, table, answered=answered), lease, clock)
        give_lease_back(lease, now=clock())

    insert_calls(ch, [{**call, "workspace_id": 1} for call in MIXED])
    charge(ch)

    expected = ledger_of(ch, 1)
    assert [row["waste_class"] for row in expected[0]] == ["retry", "clean"] + ["clean"] * 3
    for workspace, _ in enumerate(WRITES, start=100):
        assert ledger_of(ch, workspace) == expected


def test_one_holder_at_a_time_and_each_with_a_higher_version() -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    first = take_lease("job", now=now)
    assert first is not None
    assert take_lease("job", now=now + LIFETIME / 2) is None

    second = take_lease("job", now=now + LIFETIME)
    assert second is not None
    assert second.version > first.version
    with pytest.raises(LeaseLost):
        renew_lease(first, now=now + LIFETIME)

    give_lease_back(first, now=now + LIFETIME)  # it isn't the first one's to give
    assert take_lease("job", now=now + LIFETIME) is None
    renew_lease(second, now=now + LIFETIME)


def test_versions_go_on_above_the_old_ones_when_the_database_is_restored(ch: Warehouse) -> None:
    insert_calls(ch, [{"span": "a"}, {"span": "b"}], segment="before")
    charge(ch)
    JobLease.objects.all().delete()

    insert_calls(ch, [{"span": "c"}], segment="after")
    charge(ch)
    assert sum(row["calls"] for row in ch.query("SELECT calls FROM usage_hourly FINAL")) == 3


def test_a_straggler_of_a_forgotten_hour_leaves_the_sums_as_they_are(ch: Warehouse) -> None:
    long_ago = (clock() - timedelta(days=799, hours=12)).replace(microsecond=0)
    hour = long_ago.replace(minute=0, second=0)
    ch.insert(
        "usage_hourly",
        {"workspace_id": [1], "hour": [hour], "tenant": ["acme"], "calls": [5], "version": [1]},
    )

    insert_calls(ch, [{"span": "late", "started_at": long_ago}])
    charge(ch)
    assert ch.query("SELECT tenant, calls FROM usage_hourly FINAL") == [
        {"tenant": "acme", "calls": 5}
    ]


def test_two_holders_of_one_millisecond_have_two_versions() -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    first = take_lease("job", now=now)
    assert first is not None
    give_lease_back(first, now=now)
    second = take_lease("job", now=now)
    assert second is not None
    assert second.version == first.version + 1


def test_a_holder_that_lost_its_lease_cannot_overwrite_its_successor(ch: Warehouse) -> None:
    insert_calls(ch, [{"span": "a"}], segment="s")
    first = take_lease("charge", now=clock() - LIFETIME)
    assert first is not None
    charge(ch)
    second = charges(ch)[span("a")]["version"]

    with pytest.raises(LeaseLost):
        charge_batches(ch, first, clock, publish_rates(ch, now=clock()), [Batch(segments=("s",))])
    lost = Lease("charge", first.version, first.holder)
    assert lost.version < second == charges(ch)[span("a")]["version"]

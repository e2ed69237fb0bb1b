"""The job: what is due, what comes late, and what is gone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from finops.accounts.models import AuditEntry, Workspace
from finops.accounts.workspaces import create_workspace
from finops.clickhouse.client import Warehouse
from finops.costing.allocation.run import Allocated, allocate_due, allocate_range
from finops.costing.closing import close_month
from finops.costing.errors import MonthRefused
from finops.costing.tasks import allocate
from finops.health import last_beat
from tests.costing.allocation.running import lease, now
from tests.costing.allocation.world import TEN, add_calls, add_pool, add_samples, every, on_demand

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
AT = TEN + 2 * HOUR + timedelta(minutes=9)  # two whole hours are over


@pytest.fixture
def workspace() -> Workspace:
    return create_workspace("acme", "Acme")


def run(ch: Warehouse, at: datetime = AT) -> Allocated:
    """Allocate what is due at a moment, while the lease lives on the real clock."""
    with lease() as held:
        from finops.costing.models import JobLease

        JobLease.objects.filter(name=held.name).update(expires_at=now() + HOUR)
        return allocate_due(ch, held, lambda: at)


def costs(ch: Warehouse) -> dict[tuple[str, int, str, str], Decimal]:
    rows: list[dict[str, Any]] = ch.query("SELECT * FROM gpu_allocations FINAL")
    return {
        (row["pool"], row["hour"].hour, row["kind"], row["tenant"]): row["cost_usd"] for row in rows
    }


def test_an_hour_is_allocated_once_and_again_when_anything_of_it_changed(
    ch: Warehouse, workspace: Workspace
) -> None:
    pool = add_pool(workspace, "p", on_demand("2"), gpus=1, since=TEN)
    assert run(ch).hours == 2
    assert costs(ch) == {("p", 10, "unobserved", ""): 2, ("p", 11, "unobserved", ""): 2}
    assert run(ch).hours == 0

    # Samples that come late, of one hour and not of the other.
    gpu = {"pool": "p", "engine_active": 0.5}
    add_samples(ch, workspace.pk, every(60, TEN, TEN + HOUR / 2), gpu)
    assert run(ch).hours == 1
    assert costs(ch) == {
        ("p", 10, "busy", ""): Decimal("0.5"),
        ("p", 10, "idle", ""): Decimal("0.5"),
        ("p", 10, "unobserved", ""): 1,
        ("p", 11, "unobserved", ""): 2,
    }
    # Calls that are charged late; the row of nobody's work goes.
    add_calls(ch, workspace.pk, {"started_at": TEN + HOUR / 4})
    run(ch)
    assert ("p", 10, "busy", "") not in costs(ch)
    assert costs(ch)["p", 10, "busy", "acme"] == Decimal("0.5")

    # A price that changed from 11 on is for 11 alone, and another run finds nothing to do.
    pool.prices.update(valid_to=TEN + HOUR)
    pool.prices.create(kind="spot", usd_per_gpu_hour=1, valid_from=TEN + HOUR, why="test")
    assert run(ch).hours == 1
    assert costs(ch)["p", 11, "unobserved", ""] == 1
    assert run(ch).hours == 0

    # Two more samples later in the same hour, and an hour that has passed meanwhile.
    late = [TEN + HOUR / 2 + timedelta(minutes=n) for n in (1, 2)]
    add_samples(ch, workspace.pk, late, gpu | {"segment": "m-2"})
    assert run(ch, AT + HOUR).hours == 2

    pool.delete()
    assert run(ch, AT + HOUR).hours == 3
    assert costs(ch) == {}
    assert ch.query("SELECT count() AS n FROM gpu_bills FINAL") == [{"n": 0}]


def test_merged_samples_change_nothing_and_one_that_comes_again_does(
    ch: Warehouse, workspace: Workspace
) -> None:
    add_pool(workspace, "p", on_demand("2"), gpus=1, since=TEN)
    # Four minutes before the edge: it bounds what is known of the hour after it, too.
    sample = ([TEN + HOUR - timedelta(minutes=4)], {"pool": "p", "engine_active": 0.5})
    add_samples(ch, workspace.pk, *sample)
    assert run(ch).hours == 2
    again = {**sample[1], "segment": "a-0", "received_at": TEN}
    add_samples(ch, workspace.pk, sample[0], again)
    assert run(ch).hours == 2
    for table in ("gpu_samples", "gpu_sample_counts"):
        ch.command(f"OPTIMIZE TABLE {table} FINAL")
    assert run(ch).hours == 0


def test_a_closed_month_keeps_its_gpu_bills_unless_forced(
    configured_ch: Warehouse, workspace: Workspace
) -> None:
    ch, october, noon = configured_ch, date(2026, 10, 1), datetime(2026, 11, 1, 12, tzinfo=UTC)
    last = datetime(2026, 10, 31, 23, tzinfo=UTC)
    pool = add_pool(workspace, "p", on_demand("2"), gpus=1, since=last)
    with pytest.raises(MonthRefused, match="GPU hours of 2026-10 are still to be allocated"):
        close_month(ch, workspace, october, actor=None, now=noon)
    run(ch, noon)
    close_month(ch, workspace, october, actor=None, now=noon)

    # A price that is set for the past changes the open month alone; so does deleting the pool.
    pool.prices.update(usd_per_gpu_hour=3)
    run(ch, noon)
    assert {hour: usd for (_, hour, _, _), usd in costs(ch).items() if hour in (22, 23, 0)} == {
        23: 2,
        0: 3,
    }
    span = ("--from", "2026-10-31", "--to", "2026-11-01T01:00", "--workspace", "acme")
    with pytest.raises(CommandError, match="2026-10 of acme is closed"):
        call_command("allocate", *span)
    call_command("allocate", *span, "--force", "--why", "the rent was wrong", stdout=StringIO())
    assert costs(ch)["p", 23, "unobserved", ""] == 3
    assert AuditEntry.objects.get(action="month.allocated").detail["why"] == "the rent was wrong"
    pool.delete()
    run(ch, noon)
    assert list(costs(ch)) == [("p", 23, "unobserved", "")]


def test_hours_that_are_not_over_are_never_billed(ch: Warehouse, workspace: Workspace) -> None:
    add_pool(workspace, "p", on_demand("2"), gpus=1, since=TEN)
    with lease() as held:
        done = allocate_range(ch, held, lambda: AT, workspace, TEN, TEN + timedelta(days=9))
    assert done.hours == len(costs(ch)) == 2


def test_gpu_time_and_pool_come_from_tags_and_tenants_keep_their_pools(
    ch: Warehouse, workspace: Workspace
) -> None:
    own, said = {"tenants": ["globex"], "serves": ["own-*"]}, ("9", "-5", "1e300", "nan")
    for name, more in (("a", {}), ("b", {}), ("c", own), ("d", {})):
        add_pool(workspace, name, on_demand("8"), gpus=1, since=TEN, **more)
    busy = every(60, TEN - timedelta(minutes=1), TEN + HOUR)
    add_samples(ch, workspace.pk, busy, *(
        {"gpu_uuid": name, "pool": name, "engine_active": 1.0} for name in "abcd"
    ))  # fmt: skip
    add_calls(
        ch,
        workspace.pk,
        {"tags": {"gpu_ms": "300"}, "before": {"gpu_ms": "9"}},
        {"tags": {"gpu_ms": "100"}, "tenant": "globex"},
        {"tags": {"pool": "b"}, "tenant": "globex"},
        # No measures: below 0, beyond what a call can have, no number. So tokens are what counts.
        *({"tags": {"pool": "d", "gpu_ms": ms}, "tenant": ms} for ms in said),
        # A price of its own and no inference server: an API's call, though its model has that name.
        {"model": "own-1", "provider": "openai", "tenant": "globex", "unpriced_reason": "",
         "cost_usd": Decimal(1)},
        {"model": "own-1", "provider": "openai", "tenant": "globex"},
    )  # fmt: skip
    run(ch, AT - HOUR)
    assert costs(ch) == {
        ("a", 10, "busy", "acme"): 6,
        ("a", 10, "busy", "globex"): 2,
        ("b", 10, "busy", "globex"): 8,
        ("c", 10, "busy", "globex"): 8,
        **{("d", 10, "busy", ms): 2 for ms in said},
    }
    bases = {r["pool"]: r["basis"] for r in ch.query("SELECT pool, basis FROM gpu_bills FINAL")}
    assert bases == {"a": "gpu_time", "b": "tokens", "c": "tokens", "d": "tokens"}
    (row,) = ch.query("SELECT calls FROM gpu_allocations FINAL WHERE pool = 'c' AND kind = 'busy'")
    assert row["calls"] == 1


def test_the_task_allocates_and_shows_that_it_lives(
    configured_ch: Warehouse, workspace: Workspace
) -> None:
    this = now().replace(minute=0, second=0, microsecond=0)
    add_pool(workspace, "p", on_demand("2"), gpus=1, since=this - 3 * HOUR)
    allocate()
    hours = configured_ch.query("SELECT uniqExact(hour) AS n FROM gpu_bills FINAL")[0]["n"]
    assert hours in (2, 3)
    beat = last_beat("allocate")
    assert beat is not None and now() - beat < timedelta(minutes=1)

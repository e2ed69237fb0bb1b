from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now

from finops.clickhouse.client import Warehouse
from finops.costing.lease import give_lease_back, take_lease
from finops.costing.models import ReconcileRun
from finops.costing.tasks import charge, reconcile
from finops.health import last_beat
from tests.costing.calls import insert_calls
from tests.costing.charging import rollup

pytestmark = pytest.mark.django_db


def test_the_task_charges_and_shows_that_it_lives(configured_ch: Warehouse) -> None:
    insert_calls(configured_ch, [{"span": "a"}])

    charge()

    assert [row["calls"] for row in rollup(configured_ch)] == [1]
    assert now() - (last_beat("charge") or now() - timedelta(days=1)) < timedelta(minutes=1)


def test_the_task_leaves_at_once_while_another_run_is_at_it(configured_ch: Warehouse) -> None:
    insert_calls(configured_ch, [{"span": "a"}])
    other = take_lease("charge", now=now())
    assert other is not None

    charge()
    assert rollup(configured_ch) == []

    give_lease_back(other, now=now())
    charge()
    assert len(rollup(configured_ch)) == 1


def test_the_lease_is_given_back_when_clickhouse_is_away(
    configured_ch: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FINOPS_CLICKHOUSE_URL", "clickhouse://finops:x@127.0.0.1:1/none")
    from finops.config import load_config

    load_config.cache_clear()

    charge()

    assert take_lease("charge", now=now()) is not None


def test_reconciling_writes_down_what_it_found(configured_ch: Warehouse) -> None:
    insert_calls(configured_ch, [{"span": "a", "started_at": now() - timedelta(hours=2)}])
    charge()

    reconcile()

    run = ReconcileRun.objects.get()
    assert (run.ok, run.hours, run.calls) == (True, 1, 1)

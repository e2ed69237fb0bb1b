from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from finops.clickhouse.client import Warehouse
from finops.costing.reconcile import last_reconciliation, ledger_in_doubt, reconcile
from tests.costing.calls import START, insert_calls
from tests.costing.charging import charge

pytestmark = pytest.mark.django_db

LATER = START + timedelta(hours=3)


def test_a_ledger_in_order_reconciles(ch: Warehouse) -> None:
    insert_calls(ch, [{"span": "a"}, {"span": "b", "model_served": "house-7b"}])
    charge(ch)

    run = reconcile(ch, now=LATER)

    assert (run.ok, run.hours, run.calls, run.cost_usd) == (True, 1, 2, Decimal("0.0035"))
    assert ledger_in_doubt() is None


def test_a_rollup_that_differs_is_found_and_named(ch: Warehouse) -> None:
    insert_calls(ch, [{"span": "a"}])
    charge(ch)
    ch.command(
        "INSERT INTO usage_hourly SELECT * REPLACE ("
        " cost_usd + toDecimal128('0.000000000001', 12) AS cost_usd, version + 1 AS version)"
        " FROM usage_hourly FINAL"
    )

    run = reconcile(ch, now=LATER)

    assert not run.ok
    (mismatch,) = run.mismatches
    assert (mismatch["charges_usd"], mismatch["rollup_usd"]) == (
        "0.0035",
        "0.003500000001",
    )
    assert ledger_in_doubt() == run == last_reconciliation()


def test_a_charge_that_is_missing_is_found(ch: Warehouse) -> None:
    insert_calls(ch, [{"span": "a"}, {"span": "b"}])
    charge(ch)
    ch.command(
        "DELETE FROM charges WHERE attempt = 0 AND span_id = (SELECT min(span_id) FROM calls)"
    )

    run = reconcile(ch, now=LATER)

    assert [(m["calls"], m["charges"]) for m in run.mismatches] == [(2, 1)]


def test_an_hour_that_is_still_being_charged_is_left_out(ch: Warehouse) -> None:
    insert_calls(ch, [{"span": "a"}])
    charge(ch)
    insert_calls(ch, [{"span": "b"}])

    assert (reconcile(ch, now=LATER).hours, ledger_in_doubt()) == (0, None)

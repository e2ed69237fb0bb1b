"""Run the charge job in tests and read the ledger by the names of spans."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from pytest_django import DjangoDbBlocker

from finops.clickhouse.client import Warehouse
from finops.costing.charge import Charged, charge_waiting
from finops.costing.lease import give_lease_back, take_lease
from tests.costing.calls import span


def clock() -> datetime:
    return datetime.now(UTC)


def charge(ch: Warehouse, **limits: int) -> Charged:
    """Charge everything that waits, under a lease of its own."""
    lease = take_lease("charge", now=clock())
    assert lease is not None
    try:
        return charge_waiting(ch, lease, clock, **limits)
    finally:
        give_lease_back(lease, now=clock())


def charges(ch: Warehouse) -> dict[str, dict[str, Any]]:
    """Return the newest charges by span id as text."""
    rows = ch.query(
        "SELECT * EXCEPT (trace_id, span_id), hex(trace_id) AS trace, hex(span_id) AS span"
        " FROM charges FINAL ORDER BY workspace_id, span"
    )
    return {bytes.fromhex(row.pop("span")).decode(): row for row in rows}


def charge_of(ch: Warehouse, name: str) -> dict[str, Any]:
    """Return the charge of the span that a test called `name`."""
    return charges(ch)[span(name)]


def cost_of(ch: Warehouse, name: str) -> Decimal | None:
    cost: Decimal | None = charge_of(ch, name)["cost_usd"]
    return cost


def rollup(ch: Warehouse) -> list[dict[str, Any]]:
    """Return usage_hourly as readers see it."""
    return ch.query("SELECT * FROM usage_hourly FINAL ORDER BY ALL")


@contextmanager
def for_the_module(blocker: DjangoDbBlocker) -> Iterator[None]:
    """Let a fixture of a module use the database, and leave nothing in it for other tests."""
    with blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)

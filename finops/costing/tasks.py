"""What Celery runs of costing: charge every few seconds, reconcile every few minutes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from celery import shared_task
from django.utils.timezone import now

from finops.clickhouse.client import warehouse
from finops.clickhouse.errors import WarehouseError
from finops.costing.charge import LEASE, charge_waiting
from finops.costing.errors import LeaseLost
from finops.costing.lease import Lease, give_lease_back, take_lease
from finops.costing.reconcile import reconcile as compare
from finops.health import beat

# How often reconcile knocks, a second apart, while the charge job is at work.
KNOCKS = 20

log = structlog.get_logger(__name__)


@shared_task
def charge() -> None:
    """Charge what the loader brought; leaves at once while another run is at it."""
    lease = take_lease(LEASE, now=now())
    if lease is not None:
        with put_off("charge", lease), warehouse() as ch:
            done = charge_waiting(ch, lease, now)
            beat("charge", now())
            if done.segments:
                log.info("charged", segments=done.segments, calls=done.calls, hours=done.hours)


@shared_task
def reconcile() -> None:
    """Compare rollup, charges and calls while nothing is charged."""
    lease = knock()
    if lease is None:
        log.warning("reconcile_put_off", reason="The charge job has more to do than usual.")
        return
    with put_off("reconcile", lease), warehouse() as ch:
        compare(ch, now=now())
        beat("reconcile", now())


def knock() -> Lease | None:
    """Take the charge job's lease, which is free between its runs."""
    for _ in range(KNOCKS):
        lease = take_lease(LEASE, now=now())
        if lease is not None:
            return lease
        time.sleep(1)
    return None


@contextmanager
def put_off(job: str, lease: Lease) -> Iterator[None]:
    """Give the lease back in any case; what a later run will do again is no failure."""
    try:
        yield
    except (WarehouseError, LeaseLost) as error:
        if not error.retryable:
            raise
        log.warning(f"{job}_put_off", reason=str(error))
    finally:
        give_lease_back(lease, now=now())

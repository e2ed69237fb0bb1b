"""What Celery runs of costing: charge and reprice every few seconds, reconcile in minutes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from celery import shared_task
from django.db import InterfaceError, OperationalError
from django.utils.timezone import now

from finops.clickhouse.client import warehouse
from finops.clickhouse.errors import WarehouseError
from finops.config import load_config
from finops.costing.allocation.run import LEASE as ALLOCATION
from finops.costing.allocation.run import allocate_due
from finops.costing.charge import LEASE, charge_waiting
from finops.costing.doubt import tell_of_doubts, watch_ledger
from finops.costing.errors import LeaseLost
from finops.costing.lease import Lease, give_lease_back, take_lease
from finops.costing.models import LedgerDoubt
from finops.costing.reconcile import reconcile as compare
from finops.costing.reprice import fail, fail_unforeseen, next_repricing
from finops.costing.reprice import reprice as reprice_portion
from finops.health import beat

# How often reconcile knocks, a second apart, while the charge job is at work.
KNOCKS = 20
# How long one run reprices before other tasks of the worker get their turn.
REPRICE_FOR_S = 30

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
def allocate() -> None:
    """Share out the GPU hours that are due; leaves at once while another run is at it."""
    lease = take_lease(ALLOCATION, now=now())
    if lease is not None:
        with put_off("allocate", lease), warehouse() as ch:
            done = allocate_due(ch, lease, now)
            beat("allocate", now())
            if done.hours:
                log.info("allocated", hours=done.hours, rows=done.rows, finished=done.finished)


@shared_task
def reconcile() -> None:
    """Compare rollup, charges and calls while nothing is charged."""
    lease = knock()
    if lease is None:
        log.warning("reconcile_put_off", reason="The charge job has more to do than usual.")
        return
    cleared: list[LedgerDoubt] = []
    with put_off("reconcile", lease), warehouse() as ch:
        cleared = watch_ledger(ch, compare(ch, now=now()), now=now())
        beat("reconcile", now())
    tell_of_doubts(cleared, now=now(), site_url=load_config().site_url)


@shared_task
def reprice() -> None:
    """Price anew what was marked, portion by portion; new calls are charged in between."""
    until = time.monotonic() + REPRICE_FOR_S
    while next_repricing() is not None and time.monotonic() < until:
        lease = knock()
        if lease is None or not one_portion(lease):
            return


def one_portion(lease: Lease) -> bool:
    """Do a portion of what is next and give the lease back; False where it has to wait."""
    went_on = False
    with put_off("reprice", lease), warehouse() as ch:
        # Asked under the lease: another worker may have done the portion meanwhile.
        repricing = next_repricing()
        if repricing is not None:
            try:
                reprice_portion(ch, lease, repricing, now)
            except (WarehouseError, LeaseLost) as error:
                if error.retryable:
                    raise
                fail(repricing, error, now())
            except (OperationalError, InterfaceError):
                raise  # The database is away: no fault of this repricing, a later run goes on.
            except Exception as error:
                fail_unforeseen(repricing, error, now())
            charge_waiting(ch, lease, now)
            went_on = True
    return went_on


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

"""What Celery runs of costing: charge every few seconds, reconcile every few minutes."""

from __future__ import annotations

import structlog
from celery import shared_task
from django.utils.timezone import now

from finops.clickhouse.client import warehouse
from finops.clickhouse.errors import WarehouseError
from finops.costing.charge import LEASE, charge_waiting
from finops.costing.errors import LeaseLost
from finops.costing.lease import give_lease_back, take_lease
from finops.health import beat

log = structlog.get_logger(__name__)


@shared_task
def charge() -> None:
    """Charge what the loader brought; leaves at once while another run is at it."""
    lease = take_lease(LEASE, now=now())
    if lease is None:
        return
    try:
        with warehouse() as ch:
            done = charge_waiting(ch, lease, now)
        beat("charge", now())
        if done.segments:
            log.info("charged", segments=done.segments, calls=done.calls, hours=done.hours)
    except (WarehouseError, LeaseLost) as error:
        # The next tick does the work again from the start.
        if not error.retryable:
            raise
        log.warning("charge_put_off", reason=str(error))
    finally:
        give_lease_back(lease, now=now())

"""The charge job: from new segments to charges and hourly sums.

    rates published? -> [gather -> judge -> price] per batch -> roll up -> mark segments

Every step can be cut off and done again. Charges and sums carry the version of the run, and the
newest wins; a segment leaves the work list only when its calls are in the sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from finops.clickhouse.client import Warehouse
from finops.costing.gather import Batch, gather
from finops.costing.judge import judge
from finops.costing.lease import Lease, renew_lease
from finops.costing.price import price
from finops.costing.rollup import roll_up, start_touching, touch
from finops.costing.segments import (
    BATCH_CALLS,
    Waiting,
    batches,
    mark_charged,
    take,
    waiting_segments,
)
from finops.pricing.models import RateVersion
from finops.pricing.publish import publish_rates

# Hours are summed once for so many calls: often enough to be seen, rarely enough to be cheap.
ROUND_CALLS = 1_000_000
RUN_FOR = timedelta(minutes=4)

LEASE = "charge"
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Charged:
    """What a run did: segments taken off the list, calls they brought, hours summed again."""

    segments: int = 0
    calls: int = 0
    hours: int = 0
    finished: bool = True

    def plus(self, taken: list[Waiting], hours: int) -> Charged:
        calls = self.calls + sum(segment.calls for segment in taken)
        return Charged(self.segments + len(taken), calls, self.hours + hours)


def charge_waiting(
    ch: Warehouse,
    lease: Lease,
    clock: Clock,
    *,
    batch_calls: int = BATCH_CALLS,
    round_calls: int = ROUND_CALLS,
) -> Charged:
    """Charge every waiting segment, for some minutes at most; raises LeaseLost, WarehouseError."""
    done, until = Charged(), clock() + RUN_FOR
    while waiting := waiting_segments(ch):
        if clock() > until:
            return Charged(done.segments, done.calls, done.hours, finished=False)
        rates = publish_rates(ch, now=clock())
        taken = take(waiting, round_calls)
        hours = charge_batches(ch, lease, clock, rates, batches(taken, batch_calls))
        # Only the holder may take segments off the list: what a late one wrote may lie below.
        renew_lease(lease, now=clock())
        mark_charged(ch, taken, version=lease.version, now=clock())
        done = done.plus(taken, hours)
    return done


def charge_batches(
    ch: Warehouse, lease: Lease, clock: Clock, rates: RateVersion, work: Iterable[Batch]
) -> int:
    """Charge batches and sum their hours; returns the number of hours."""
    start_touching(ch)
    for batch in work:
        near = gather(ch, batch)
        if near.calls:
            renew_lease(lease, now=clock())
            judge(ch)
            price(ch, rates, near, version=lease.version, now=clock())
            touch(ch)
        renew_lease(lease, now=clock())
    return roll_up(ch, version=lease.version)

"""The job: allocate the hours that are due, workspace by workspace, the newest first.

A closed month keeps the bills that it was closed with, whatever is said of its pools or comes late.

Every step can be cut off and done again: rows carry the version of the run, the newest wins, and an
hour leaves the work list only when its bill says what it was worked out from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from finops.accounts.models import Workspace
from finops.clickhouse.client import Warehouse
from finops.costing.allocation.check import differences
from finops.costing.allocation.hourly import allocate_hour
from finops.costing.allocation.observe import observe
from finops.costing.allocation.plan import HOUR, Pool
from finops.costing.allocation.said import pools_of
from finops.costing.allocation.work import work_of
from finops.costing.allocation.worklist import (
    KEPT,
    SETTLED,
    DueHour,
    due_hours,
    floor,
    hours_between,
    together,
)
from finops.costing.allocation.write import write_hours
from finops.costing.closing import closed_in
from finops.costing.lease import Lease, renew_lease

LEASE = "allocate"
RUN_FOR = timedelta(minutes=4)
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Allocated:
    """What a run did."""

    hours: int = 0
    rows: int = 0
    differences: int = 0
    finished: bool = True


def allocate_due(ch: Warehouse, lease: Lease, clock: Clock) -> Allocated:
    """Allocate what is due, for some minutes at most; raises LeaseLost, WarehouseError."""
    until, hours, rows, different = clock() + RUN_FOR, 0, 0, 0
    for workspace in Workspace.objects.order_by("pk"):
        pools = pools_of(workspace)
        if not pools and not has_bills(ch, workspace.pk):
            continue
        for batch in together(due_hours(ch, workspace.pk, pools, clock())):
            if clock() > until:
                return Allocated(hours, rows, different, finished=False)
            # Asked for each day: a month may be closed while the job is at work.
            if closed_in(workspace, batch[0].hour, batch[0].hour + HOUR):
                continue
            done = allocate_hours(ch, lease, workspace.pk, pools, batch, clock)
            hours, rows, different = (
                hours + done.hours,
                rows + done.rows,
                different + done.differences,
            )
    return Allocated(hours, rows, different)


def allocate_range(
    ch: Warehouse, lease: Lease, clock: Clock, workspace: Workspace, start: datetime, end: datetime
) -> Allocated:
    """Allocate every priced hour of [start, end) again, due or not.

    Hours that aren't over have no bill yet, and those whose samples are forgotten keep theirs.
    """
    pools, moment = pools_of(workspace), clock()
    start, end = max(start, floor(moment - KEPT) + HOUR), min(end, floor(moment - SETTLED))
    if start >= end:
        return Allocated()
    due = hours_between(ch, workspace.pk, pools, start, end)
    done = [allocate_hours(ch, lease, workspace.pk, pools, b, clock) for b in together(due)]
    return Allocated(
        sum(one.hours for one in done),
        sum(one.rows for one in done),
        sum(one.differences for one in done),
    )


def allocate_hours(
    ch: Warehouse,
    lease: Lease,
    workspace_id: int,
    pools: Sequence[Pool],
    due: Sequence[DueHour],
    clock: Clock,
) -> Allocated:
    """Work some hours of one day out, write them and compare them with their bills."""
    renew_lease(lease, now=clock())
    start, end = min(one.hour for one in due), max(one.hour for one in due) + HOUR
    samples = observe(ch, workspace_id, start, end)
    work = work_of(ch, workspace_id, start, end)
    done = [
        worked_out
        for one in due
        for worked_out in allocate_hour(
            pools, one.hour, samples.get(one.hour, []), work.get(one.hour, [])
        )
    ]
    renew_lease(lease, now=clock())
    rows = write_hours(ch, workspace_id, due, done, version=lease.version, now=clock())
    return Allocated(len(due), rows, len(differences(ch, start, end)))


def has_bills(ch: Warehouse, workspace_id: int) -> bool:
    """Whether a workspace without pools has bills of pools that it once had."""
    found = ch.query(
        "SELECT 1 FROM gpu_bills FINAL WHERE workspace_id = {workspace_id:UInt64} LIMIT 1",
        {"workspace_id": workspace_id},
    )
    return bool(found)

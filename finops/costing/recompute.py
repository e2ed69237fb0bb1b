"""Charge a range of time again, with the rates as they are now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from finops.clickhouse.client import Warehouse
from finops.costing.charge import Clock, charge_batches
from finops.costing.gather import Batch
from finops.costing.lease import Lease
from finops.costing.segments import BATCH_CALLS
from finops.pricing.publish import publish_rates

HOURS = """
SELECT workspace_id, toStartOfHour(started_at) AS hour, count() AS calls
FROM calls
WHERE started_at >= {start:DateTime64(6, 'UTC')} AND started_at < {end:DateTime64(6, 'UTC')}
    AND (workspace_id = {workspace:UInt64} OR {workspace:UInt64} = 0)
GROUP BY workspace_id, hour
ORDER BY hour, workspace_id
"""


@dataclass(frozen=True, slots=True)
class BusyHour:
    """An hour of one workspace, and how many calls are stored for it."""

    workspace_id: int
    hour: datetime
    calls: int


def busy_hours(
    ch: Warehouse, start: datetime, end: datetime, *, workspace_id: int = 0
) -> list[BusyHour]:
    """Return the hours of [start, end) that have calls; workspace 0 means all of them."""
    whole = start.replace(minute=0, second=0, microsecond=0)
    past = end.replace(minute=0, second=0, microsecond=0)
    past += timedelta(hours=1) if past < end else timedelta()
    rows = ch.query(HOURS, {"start": whole, "end": past, "workspace": workspace_id})
    return [BusyHour(row["workspace_id"], row["hour"], row["calls"]) for row in rows]


def recompute(
    ch: Warehouse,
    lease: Lease,
    clock: Clock,
    hours: list[BusyHour],
    *,
    batch_calls: int = BATCH_CALLS,
    progress: Callable[[int], None] = lambda calls: None,
) -> int:
    """Charge all calls of these hours again; returns their number.

    Progress is told in calls. Raises LeaseLost, WarehouseError; what was done until then stays.
    """
    rates = publish_rates(ch, now=clock())
    for together in portions(hours, batch_calls):
        calls = sum(hour.calls for hour in together)
        charge_batches(ch, lease, clock, rates, batches_of(together, calls, batch_calls))
        progress(calls)
    return sum(hour.calls for hour in hours)


def portions(hours: list[BusyHour], batch_calls: int) -> Iterator[list[BusyHour]]:
    """Yield hours that fit into one batch together; an hour that doesn't fit comes alone."""
    together: list[BusyHour] = []
    calls = 0
    for hour in hours:
        if together and calls + hour.calls > batch_calls:
            yield together
            together, calls = [], 0
        together.append(hour)
        calls += hour.calls
    if together:
        yield together


def batches_of(together: list[BusyHour], calls: int, batch_calls: int) -> Iterator[Batch]:
    parts = max(1, -(-calls // batch_calls))
    for part in range(parts):
        yield Batch(
            hours=tuple((hour.workspace_id, hour.hour) for hour in together),
            part=part,
            parts=parts,
        )

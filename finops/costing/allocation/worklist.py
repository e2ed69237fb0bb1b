"""The work list: hours whose bill is missing, or isn't what its inputs say now.

No watermark: for every hour it is known what it was worked out from (`inputs`, `price_version`),
and that is compared with what is there now. So samples and calls that came late, a charge that was
written again and a price that changed for last month are found, and nothing else is done again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from finops.clickhouse.client import Warehouse
from finops.costing.allocation.observe import GAP, GAP_S
from finops.costing.allocation.plan import HOUR, Pool, plan_version
from finops.costing.allocation.work import LONGEST

# Late samples and calls are looked for so far back; changed prices as far as samples are kept.
LATE = timedelta(days=35)
KEPT = timedelta(days=400)
# After the end of an hour: its last samples and charges are there then; later ones are found, too.
SETTLED = timedelta(minutes=2)

BILLED = """
SELECT hour, min(b.inputs) AS inputs, min(b.price_version) AS price_version,
    uniqExact(b.inputs, b.price_version) = 1 AS one
FROM gpu_bills AS b FINAL
WHERE workspace_id = {workspace_id:UInt64}
    AND hour >= {start:DateTime('UTC')} AND hour < {end:DateTime('UTC')}
GROUP BY hour
"""
# A sample tells of the time before it and bounds the one after it, so it counts for both hours near
# an edge. Counted when they were written: to count the samples of 35 days would take seconds.
SLOT = timedelta(minutes=5)
SAMPLES = """
SELECT hour, sum(written) AS samples
FROM
(
    SELECT arrayJoin(arrayDistinct([toStartOfHour(slot), toStartOfHour(slot - {gap:UInt32}),
            toStartOfHour(slot + {reach:UInt32})])) AS hour, written
    FROM gpu_sample_counts
    WHERE workspace_id = {workspace_id:UInt64}
        AND slot >= {first:DateTime('UTC')} AND slot < {last:DateTime('UTC')}
)
GROUP BY hour
"""
# Every run of the charge job has a version above all before it.
CHARGES = """
SELECT toStartOfHour(started_at) AS hour, max(version) AS newest
FROM charges
WHERE workspace_id = {workspace_id:UInt64}
    AND started_at >= {first:DateTime64(6, 'UTC')} AND started_at < {last:DateTime64(6, 'UTC')}
GROUP BY hour
"""


@dataclass(frozen=True, slots=True)
class DueHour:
    """An hour to allocate, and the names of what it is worked out from."""

    hour: datetime
    inputs: int
    price_version: str


@dataclass(slots=True)
class Inputs:
    """What is there now, by hour."""

    samples: dict[datetime, int] = field(default_factory=dict)
    charges: dict[datetime, int] = field(default_factory=dict)

    def name(self, hour: datetime, price_version: str) -> int:
        """Return a hash of all that an hour is worked out from."""
        back = int(LONGEST / HOUR)
        charges = max(self.charges.get(hour - i * HOUR, 0) for i in range(back + 1))
        said = f"{price_version} {self.samples.get(hour, 0)} {charges}"
        return int.from_bytes(sha256(said.encode()).digest()[:8], "big")


def due_hours(
    ch: Warehouse, workspace_id: int, pools: Sequence[Pool], now: datetime
) -> list[DueHour]:
    """Return the whole hours of a workspace to allocate, the newest first."""
    end = floor(now - SETTLED)
    billed = {
        row["hour"]: row
        for row in ch.query(
            BILLED, {"workspace_id": workspace_id, "start": floor(now - KEPT), "end": end}
        )
    }
    wanted = {hour: plan_version(pools, hour) for hour in priced_hours(pools, now - KEPT, end)}
    late = [hour for hour in (*wanted, *billed) if hour >= now - LATE]
    known = read_inputs(ch, workspace_id, min(late), end) if late else Inputs()
    due = []
    for hour in sorted({*wanted, *billed}, reverse=True):
        terms = wanted.get(hour, "")
        inputs = known.name(hour, terms)
        if is_due(billed.get(hour), terms, inputs if hour >= now - LATE else None):
            due.append(DueHour(hour, inputs, terms))
    return due


def is_due(billed: dict[str, object] | None, terms: str, inputs: int | None) -> bool:
    """Say whether an hour's bill is missing or out of date; inputs None: too old to look at."""
    if billed is None or not terms:
        return True
    if billed["price_version"] != terms:
        return True
    return inputs is not None and (not billed["one"] or billed["inputs"] != inputs)


def hours_between(
    ch: Warehouse, workspace_id: int, pools: Sequence[Pool], start: datetime, end: datetime
) -> list[DueHour]:
    """Return every priced hour of a range, due or not, and every billed one: to do it by hand."""
    params = {"workspace_id": workspace_id, "start": start, "end": end}
    billed = {row["hour"] for row in ch.query(BILLED, params)}
    known = read_inputs(ch, workspace_id, start, end)
    wanted = {hour: plan_version(pools, hour) for hour in priced_hours(pools, start, end)}
    return [
        DueHour(hour, known.name(hour, wanted.get(hour, "")), wanted.get(hour, ""))
        for hour in sorted({*wanted, *billed})
    ]


def read_inputs(ch: Warehouse, workspace_id: int, start: datetime, end: datetime) -> Inputs:
    params = {"workspace_id": workspace_id}
    slots = {"first": start - GAP - SLOT, "last": end + GAP}
    reach = GAP_S + int(SLOT.total_seconds()) - 1
    samples = ch.query(SAMPLES, {**params, **slots, "gap": GAP_S, "reach": reach})
    charges = ch.query(CHARGES, {**params, "first": start - LONGEST, "last": end})
    return Inputs(
        {row["hour"]: row["samples"] for row in samples},
        {row["hour"]: row["newest"] for row in charges},
    )


def priced_hours(pools: Sequence[Pool], start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield the whole hours of [start, end) in which some pool has a price."""
    spans = sorted((price.start, price.end) for pool in pools for price in pool.prices)
    hour = floor(start) if floor(start) == start else floor(start) + HOUR
    for first, last in spans:
        hour = max(hour, floor(first))
        while hour < end and hour < last:
            yield hour
            hour += HOUR


def floor(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def together(due: Sequence[DueHour], most: int = 24) -> Iterator[list[DueHour]]:
    """Yield hours that are read in one go: those of one day."""
    days: dict[object, list[DueHour]] = defaultdict(list)
    for one in due:
        days[one.hour.date()].append(one)
    for hours in days.values():
        for i in range(0, len(hours), most):
            yield hours[i : i + most]

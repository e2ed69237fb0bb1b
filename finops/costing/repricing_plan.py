"""What a repricing has left to do: where rates differ, without closed months, in portions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from finops.clickhouse.client import Warehouse
from finops.costing.closing import closed_in, first_moment, month_after
from finops.costing.repricing import Repricing
from finops.costing.stale import BY_PARTITION, Span, Stale, cut_out, find_stale, merge, whole_hours
from finops.pricing.publish import publish_rates
from finops.pricing.rate import BEGINNING

# New calls wait for a portion, some seconds at 80,000 charges a second; the lease is renewed after
# each step of one, well within its lifetime on a machine that is ten times as slow.
PORTION_CHARGES = 400_000
STEP_CHARGES = 100_000
BUSY_HOURS = """
SELECT toStartOfHour(started_at) AS hour, count() AS charges
FROM charges
WHERE workspace_id = {workspace:UInt64}
    AND started_at >= {start:DateTime64(6, 'UTC')} AND started_at < {end:DateTime64(6, 'UTC')}
GROUP BY hour
ORDER BY hour
"""
VERSIONS = """
SELECT DISTINCT rate_version FROM charges FINAL
WHERE workspace_id = {workspace:UInt64}
    AND started_at >= {start:DateTime64(6, 'UTC')} AND started_at < {end:DateTime64(6, 'UTC')}
ORDER BY rate_version
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a repricing will touch: spans of whole hours, and the closed months that it leaves."""

    spans: list[Span]
    left_out: list[str]
    old_versions: list[int]


@dataclass
class KnownStale:
    """What the last search found, so that not every portion has to search the whole range again.

    What was charged meanwhile has the new rates; a process that starts anew searches anew.
    """

    key: tuple[object, ...] = ()  # repricing, when it began, rate version
    found: Stale = field(default_factory=lambda: Stale([], []))

    def left(self, repricing: Repricing, ch: Warehouse, now: datetime) -> Stale:
        """Return what of a repricing's range is still out of date."""
        start, end = repricing.done_to or repricing.start, repricing.end
        rates = publish_rates(ch, now=now)
        key = (repricing.pk, repricing.started_at, rates.number)
        if self.key != key:
            self.found = find_stale(ch, rates, repricing.workspace.pk, start, end, now=now)
            self.key = key
        done = [(BEGINNING, start)] if repricing.done_to else []
        spans = [left for span in self.found.spans for left in cut_out(span, done)]
        return Stale(spans, self.found.versions)


KNOWN = KnownStale()


def plan_of(ch: Warehouse, repricing: Repricing, now: datetime) -> Plan:
    """Say what is left to do: where charges are out of date, or all; without closed months."""
    workspace = repricing.workspace
    start, end = repricing.done_to or repricing.start, repricing.end
    if start >= end:
        return Plan([], [], [])
    if repricing.whole:
        found = everything(ch, workspace.pk, start, end)
    else:
        found = KNOWN.left(repricing, ch, now)
    if repricing.forced:
        return Plan(found.spans, [], found.versions)
    holes = {
        f"{month:%Y-%m}": (first_moment(month), first_moment(month_after(month)))
        for month in closed_in(workspace, start, end)
    }
    return Plan(
        spans=[left for span in found.spans for left in cut_out(span, holes.values())],
        left_out=[
            name
            for name, hole in holes.items()
            if any(span[0] < hole[1] and hole[0] < span[1] for span in found.spans)
        ],
        old_versions=found.versions,
    )


def everything(ch: Warehouse, workspace_id: int, start: datetime, end: datetime) -> Stale:
    asked = {"workspace": workspace_id, "start": start, "end": end}
    versions = [row["rate_version"] for row in ch.query(VERSIONS, asked, settings=BY_PARTITION)]
    return Stale(merge([whole_hours((start, end))]) if versions else [], versions)


def next_portion(ch: Warehouse, workspace_id: int, spans: list[Span]) -> Span | None:
    """Return the first hours that fit into a portion; None where no charge is left."""
    for span in spans:
        for portion in cut_up(ch, workspace_id, span, PORTION_CHARGES):
            return portion
    return None


def cut_up(ch: Warehouse, workspace_id: int, span: Span, most: int) -> Iterator[Span]:
    """Yield the span in parts of at most so many charges; an hour that has more comes alone."""
    begin, charges = None, 0
    for hour, count in busy_hours(ch, workspace_id, *span):
        if begin is not None and charges + count > most:
            yield begin, hour
            begin, charges = None, 0
        begin = begin or hour
        charges += count
    if begin is not None:
        yield begin, span[1]


def busy_hours(
    ch: Warehouse, workspace_id: int, start: datetime, end: datetime
) -> Iterator[tuple[datetime, int]]:
    asked = {"workspace": workspace_id, "start": start, "end": end}
    for row in ch.query(BUSY_HOURS, asked):
        yield row["hour"], row["charges"]

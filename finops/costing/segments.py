"""The work list: segments whose calls are loaded and not yet charged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from finops.clickhouse.client import Warehouse
from finops.costing.gather import Batch

# What one batch holds in memory, at a few hundred bytes a call.
BATCH_CALLS = 1_000_000
RUN_SEGMENTS = 2_000

# The inner select reads one byte a segment, whatever their number; FINAL sees the candidates only.
WAITING = """
SELECT segment, calls FROM segments FINAL
WHERE charged = 0 AND segment IN (SELECT segment FROM segments WHERE charged = 0)
ORDER BY loaded_at, segment
LIMIT {most:UInt32}
"""
MARK = """
INSERT INTO segments
SELECT segment, spans, calls, loaded_at, 1, {now:DateTime64(3, 'UTC')}, {version:UInt64}
FROM segments FINAL
WHERE segment IN {segments:Array(String)}
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A segment to charge and how many calls it brought."""

    segment: str
    calls: int


def waiting_segments(ch: Warehouse, most: int = RUN_SEGMENTS) -> list[Waiting]:
    """Return segments to charge, the longest waiting first."""
    return [Waiting(row["segment"], row["calls"]) for row in ch.query(WAITING, {"most": most})]


def take(waiting: Sequence[Waiting], most_calls: int) -> list[Waiting]:
    """Return the first segments whose calls stay below `most_calls` together; at least one."""
    taken, calls = list(waiting[:1]), sum(first.calls for first in waiting[:1])
    for segment in waiting[1:]:
        calls += segment.calls
        if calls > most_calls:
            break
        taken.append(segment)
    return taken


def batches(taken: Sequence[Waiting], batch_calls: int = BATCH_CALLS) -> Iterator[Batch]:
    """Yield what to charge at a time; a segment that is too large for one is split by trace."""
    names = tuple(segment.segment for segment in taken)
    parts = max(1, -(-sum(segment.calls for segment in taken) // batch_calls))
    for part in range(parts):
        yield Batch(segments=names, part=part, parts=parts)


def mark_charged(ch: Warehouse, taken: Sequence[Waiting], *, version: int, now: datetime) -> None:
    """Take segments off the work list; they're in the ledger."""
    names = [segment.segment for segment in taken]
    ch.command(MARK, {"segments": names, "version": version, "now": now})


AGAIN = """
INSERT INTO segments
SELECT segment, spans, calls, loaded_at, 0, charged_at, version + 1
FROM segments FINAL
WHERE segment IN {segments:Array(String)} AND charged = 1
"""


def charge_again(ch: Warehouse, names: Sequence[str]) -> None:
    """Put segments back on the work list: their calls are others than those that were charged."""
    ch.command(AGAIN, {"segments": list(names)})

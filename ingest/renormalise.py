"""Make calls again from spans that are kept, with the dialect table as it is now.

Each segment's spans are read into a table that hides `spans` for this session, with the dialect
that the table finds in them today. The statements of loading do the rest. A row that comes out
otherwise replaces the old one: of two rows with one key and one time of receipt ClickHouse keeps
the one written last. Rows that are no calls any more are withdrawn, and the segments go back on the
work list of the charge job. Spans in which no dialect was recognised aren't kept, so they don't
come back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from finops.clickhouse.client import Warehouse
from finops.costing.lease import Lease
from finops.costing.segments import charge_again
from finops.costing.withdraw import KEY, withdraw
from ingest.decode import WHOLE, dialect_of
from ingest.meaning import CALLS
from ingest.normalise import Found, found

SPANS_AT_ONCE = 100_000

SEGMENTS = """
SELECT segment, count() AS spans, min(received_at) AS first
FROM spans
WHERE received_at >= {start:DateTime64(3, 'UTC')} AND received_at < {end:DateTime64(3, 'UTC')}
    AND ({dialect:String} = '' OR DIALECT = {dialect:String} OR dialect = {dialect:String})
GROUP BY segment
ORDER BY segment
""".replace("DIALECT", dialect_of("scope_name", "mapKeys(attributes)"))

# A table that is made hides its namesake at once, so what it is to hold is gathered beforehand.
GATHER = """
CREATE TEMPORARY TABLE kept ENGINE = Memory AS
SELECT * REPLACE(DIALECT AS dialect)
FROM spans
WHERE segment IN {segments:Array(String)}
    AND received_at >= {start:DateTime64(3, 'UTC')} AND received_at < {end:DateTime64(3, 'UTC')}
    AND ({dialect:String} = '' OR DIALECT = {dialect:String} OR dialect = {dialect:String})
ORDER BY received_at DESC, segment DESC
LIMIT 1 BY workspace_id, trace_id, span_id
""".replace("DIALECT", dialect_of("scope_name", "mapKeys(attributes)"))

HIDE = "CREATE TEMPORARY TABLE spans ENGINE = Memory AS SELECT * FROM kept"

COLUMNS = ", ".join(CALLS)
# Copies of a span differ in when they came.
SAID = "toString(tuple({}))".format(
    ", ".join(name for name in CALLS if name not in ("segment", "received_at"))
)
PLACE = "(workspace_id, toStartOfHour(started_at), trace_id, span_id)"
IDS = "(workspace_id, trace_id, span_id)"
OURS = f"""
SELECT *, {KEY} AS key FROM calls FINAL
WHERE (segment IN {{segments:Array(String)}} OR (workspace_id, toStartOfHour(started_at)) IN (
        SELECT DISTINCT workspace_id, toStartOfHour(started_at) FROM spans))
    AND {IDS} IN (SELECT {IDS} FROM spans)
"""  # noqa: S608 (our own text)
# A span that was sent again later, in a segment that isn't read now, is the call's.
NOT_SENT_AGAIN = f"""
    {IDS} NOT IN (SELECT {IDS} FROM ours WHERE segment NOT IN {{segments:Array(String)}})
"""  # noqa: S608
COMPARED = f"""
SELECT
    (SELECT count() FROM corrected WHERE {SAID} NOT IN (SELECT {SAID} FROM ours)) AS changed,
    (SELECT count() FROM corrected) AS calls
"""  # noqa: S608
GONE = f"""
SELECT key, started_at FROM ours
WHERE segment IN {{segments:Array(String)}} AND {PLACE} NOT IN (SELECT {PLACE} FROM corrected)
"""  # noqa: S608
REPLACE = f"""
INSERT INTO calls ({COLUMNS}) SELECT {COLUMNS} FROM corrected
WHERE {SAID} NOT IN (SELECT {SAID} FROM ours)
"""  # noqa: S608

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Again:
    """What was done: calls read again, of these changed or new, and withdrawn."""

    spans: int = 0
    calls: int = 0
    changed: int = 0
    withdrawn: int = 0

    def plus(self, other: Again) -> Again:
        return Again(
            self.spans + other.spans,
            self.calls + other.calls,
            self.changed + other.changed,
            self.withdrawn + other.withdrawn,
        )


@dataclass(frozen=True, slots=True)
class Kept:
    """Segments whose spans are made calls of at a time."""

    segments: tuple[str, ...]
    spans: int


def kept_segments(ch: Warehouse, start: datetime, end: datetime, dialect: str = "") -> list[Kept]:
    """Return the segments with spans received in [start, end), in portions that fit in memory."""
    rows = ch.query(SEGMENTS, {"start": start, "end": end, "dialect": dialect})
    return list(portions([(row["segment"], row["spans"]) for row in rows]))


def portions(segments: Sequence[tuple[str, int]]) -> Iterator[Kept]:
    names: list[str] = []
    spans = 0
    for name, number in segments:
        if names and spans + number > SPANS_AT_ONCE:
            yield Kept(tuple(names), spans)
            names, spans = [], 0
        names.append(name)
        spans += number
    if names:
        yield Kept(tuple(names), spans)


def correct(said: Found) -> str:
    """Return the statement that keeps the calls as the table has them now."""
    calls = said.mean or f"SELECT {COLUMNS} FROM ours WHERE 0"  # noqa: S608 (our own)
    return f"""
        CREATE TEMPORARY TABLE corrected ENGINE = Memory AS
        SELECT * FROM ({calls}) WHERE {NOT_SENT_AGAIN}"""  # noqa: S608


def renormalise(
    ch: Warehouse,
    kept: Kept,
    start: datetime,
    end: datetime,
    dialect: str = "",
    *,
    lease: Lease | None,
) -> Again:
    """Make the calls of some segments again; without a lease only say what would change.

    The lease is the charge job's, whose tables it writes. Raises WarehouseError; what was done
    until then stays and is right, and the rest is done by a second run.
    """
    names = list(kept.segments)
    params: dict[str, Any] = {"segments": names, "start": start, "end": end, "dialect": dialect}
    try:
        ch.command(GATHER, params)
        ch.command(HIDE)
        ch.command(f"CREATE TEMPORARY TABLE ours ENGINE = Memory AS {OURS}", params)
        with found(ch, {"segments": names, "since": start}) as said:
            ch.command(correct(said), params)
        (compared,) = ch.query(COMPARED)
        gone = ch.query(GONE, params)
        if lease is not None:
            ch.command(REPLACE, settings=WHOLE)
            if gone:
                starts = [row["started_at"] for row in gone]
                withdraw(ch, lease, [row["key"] for row in gone], min(starts), max(starts))
            if gone or compared["changed"]:
                charge_again(ch, names)
    finally:
        for table in ("kept", "spans", "ours", "corrected"):
            ch.command(f"DROP TEMPORARY TABLE IF EXISTS {table}")
    done = Again(kept.spans, compared["calls"], compared["changed"], len(gone))
    log.info("renormalised", segments=len(names), **{n: getattr(done, n) for n in done.__slots__})
    return done

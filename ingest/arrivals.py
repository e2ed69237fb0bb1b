"""What arrived, for its workspace to see: spans and calls by hour, dialect and emitter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from finops.clickhouse.client import Warehouse
from ingest.again import Params, token
from ingest.batch import Batch
from ingest.decode import WHOLE
from ingest.record import read_stamps

EMITTER = "if(scope_version = '', scope_name, concat(scope_name, '@', scope_version))"

# Spans and the calls that they became are both written with the segment and the emitter.
STORED = f"""
INSERT INTO arrivals
    (workspace_id, hour, signal, dialect, emitter, segment, received, calls, last_at)
SELECT workspace_id, hour, 'traces', dialect, emitter, segment, sum(spans), sum(calls), max(last_at)
FROM
(
    SELECT workspace_id, toStartOfHour(received_at) AS hour, dialect, {EMITTER} AS emitter, segment,
        count() AS spans, 0 AS calls, max(received_at) AS last_at
    FROM spans
    WHERE segment IN {{segments:Array(String)}} AND received_at >= {{since:DateTime64(3, 'UTC')}}
    GROUP BY workspace_id, hour, dialect, emitter, segment
    UNION ALL
    SELECT workspace_id, toStartOfHour(received_at), dialect, emitter, segment,
        0, count(), max(received_at)
    FROM calls
    WHERE segment IN {{segments:Array(String)}}
    GROUP BY ALL
)
GROUP BY workspace_id, hour, dialect, emitter, segment
"""  # noqa: S608 (our own text)

COUNTS = """
SELECT segment, workspace_id, hour, dialect, sum(received) AS spans, sum(calls) AS calls
FROM arrivals FINAL
WHERE segment IN {segments:Array(String)} AND signal = 'traces' AND dialect != ''
    AND hour >= {since:DateTime64(3, 'UTC')} - INTERVAL 1 HOUR
GROUP BY segment, workspace_id, hour, dialect
"""

# Workspace, segment and hour.
Place = tuple[int, str, datetime]


def record_arrivals(ch: Warehouse, batch: Batch, params: Params) -> list[dict[str, Any]]:
    """Write what the stored spans of a batch are and became, and return it."""
    ch.command(STORED, params, settings=WHOLE | token(batch, "arrivals"))
    return ch.query(COUNTS, params)


def record_ignored(ch: Warehouse, batch: Batch, stored: Iterable[dict[str, Any]]) -> None:
    """Write how many spans spoke no dialect, which only their receipts tell."""
    received, last_at = receipts(batch.paths())
    for row in stored:
        received[(row["workspace_id"], row["segment"], row["hour"])] -= row["spans"]
    ignored = {place: spans for place, spans in received.items() if spans > 0}
    insert(ch, ignored, last_at, ("traces", "", ""), token(batch, "arrivals:ignored"))


def record_points(ch: Warehouse, batch: Batch, systems: Iterable[str]) -> None:
    """Write how many points of metrics came, and whose names they have together."""
    received, last_at = receipts(batch.paths())
    named = ("metrics", "metrics", ", ".join(sorted(systems)))
    insert(ch, received, last_at, named, token(batch, "arrivals"))


def insert(
    ch: Warehouse,
    received: Mapping[Place, int],
    last_at: Mapping[Place, datetime],
    named: tuple[str, str, str],
    settings: dict[str, Any],
) -> None:
    """Write a row for each place; `named` are signal, dialect and emitter of all."""
    if not received:
        return
    count = len(received)
    ch.insert(
        "arrivals",
        {
            "workspace_id": [workspace for workspace, _, _ in received],
            "hour": [hour for _, _, hour in received],
            "signal": [named[0]] * count,
            "dialect": [named[1]] * count,
            "emitter": [named[2]] * count,
            "segment": [segment for _, segment, _ in received],
            "received": list(received.values()),
            "calls": [0] * count,
            "last_at": [last_at[place] for place in received],
        },
        settings=settings,
    )


def receipts(paths: Iterable[Path]) -> tuple[Counter[Place], dict[Place, datetime]]:
    """Count the spans of segments by workspace, segment and hour, and say when the last came."""
    spans: Counter[Place] = Counter()
    last_at: dict[Place, datetime] = {}
    for path in paths:
        for stamp in read_stamps(path.read_bytes()) if path.exists() else ():
            at = datetime.fromtimestamp(stamp.received_at_ms / 1000, UTC)
            place = (
                stamp.workspace_id,
                path.stem,
                at.replace(minute=0, second=0, microsecond=0),
            )
            spans[place] += stamp.spans
            last_at[place] = max(at, last_at.get(place, at))
    return spans, last_at

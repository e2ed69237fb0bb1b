"""Loading a batch that was tried before: what is there is looked at, not believed.

ClickHouse writes a deduplication token down just before the rows that it stands for. If it dies in
between, the token is known and the rows are not there: a repeated statement would be taken for a
copy, and acknowledged spans would be lost. And a batch that is loaded in parts, since the whole was
refused, has tokens that don't know what the whole left behind. So each step counts what the files
give and what the table holds, and does only what is missing.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from finops.clickhouse.client import Warehouse
from ingest.batch import Batch
from ingest.decode import DECODE, DECODE_SETTINGS, SPANS, WHOLE
from ingest.normalise import AS_THEY_COME, Found

Counts = Mapping[str, int]
Params = Mapping[str, Any]

EXPECTED_SPANS = f"""
SELECT segment_name AS segment, count() AS rows FROM ({SPANS}) GROUP BY segment
"""  # noqa: S608 (our own text)

STORED_SPANS = """
SELECT segment, count() AS rows
FROM spans
WHERE segment IN {segments:Array(String)} AND received_at >= {since:DateTime64(3, 'UTC')}
GROUP BY segment
"""

FORGET_SPANS = """
DELETE FROM spans
WHERE segment IN {segments:Array(String)} AND received_at >= {since:DateTime64(3, 'UTC')}
"""

# Copies of a call collapse sooner or later, so calls are counted by what they are.
STORED_CALLS = """
SELECT segment, uniqExact(workspace_id, trace_id, span_id) AS rows
FROM calls
WHERE segment IN {segments:Array(String)}
GROUP BY segment
"""

STORED_SEGMENTS = """
SELECT DISTINCT segment FROM segments WHERE segment IN {segments:Array(String)}
"""


def decode_again(ch: Warehouse, batch: Batch, path: str) -> None:
    """Bring into `spans` what of the batch isn't there, each span once."""
    left = [file.name.partition(".")[0] for file in batch.paths() if file.exists()]
    params = {"segments": left, "since": batch.since}
    expected = by_segment(ch, EXPECTED_SPANS, {"path": path}, DECODE_SETTINGS)
    for name in (batch.token, fresh(batch)):
        found = by_segment(ch, STORED_SPANS, params)
        if found == expected:
            return
        if found:
            ch.command(FORGET_SPANS, params)
        ch.command(DECODE, {"path": path}, settings=DECODE_SETTINGS | named(name, "spans"))


def normalise_again(ch: Warehouse, batch: Batch, params: Params, said: Found) -> None:
    """Bring into `calls` what of the spans in `found` isn't there."""
    expected = by_segment(ch, expected_calls(said), {}, WHOLE)
    for name in (batch.token, fresh(batch)):
        if by_segment(ch, STORED_CALLS, params) == expected:
            return
        ch.command(said.normalise, settings=AS_THEY_COME | named(name, "calls"))


def expected_calls(said: Found) -> str:
    """Return the query that counts the calls of each segment as STORED_CALLS does."""
    return (
        "SELECT segment, uniqExact(workspace_id, trace_id, span_id) AS rows"  # noqa: S608 (our own)
        f" FROM ({said.mean}) GROUP BY segment"
    )


def not_written_down(ch: Warehouse, batch: Batch) -> list[str]:
    """Return the segments of the batch that the charge job wasn't told of."""
    told = {row["segment"] for row in ch.query(STORED_SEGMENTS, {"segments": list(batch.names)})}
    return [name for name in batch.names if name not in told]


def by_segment(
    ch: Warehouse, sql: str, params: Params, settings: Mapping[str, Any] | None = None
) -> Counts:
    return {row["segment"]: row["rows"] for row in ch.query(sql, params, settings=settings)}


def fresh(batch: Batch) -> str:
    """Name a try that has no copy."""
    return f"{batch.token}:{secrets.token_hex(8)}"


def named(name: str, step: str) -> dict[str, Any]:
    """Return the settings that make a statement one with all of the same name and step."""
    return {"insert_deduplicate": 1, "insert_deduplication_token": f"{name}:{step}"}


def token(batch: Batch, step: str) -> dict[str, Any]:
    """As `named` for a batch's first try; later ones stand for themselves.

    For tables that collapse copies by key: there a row too many is soon gone, one too few isn't.
    """
    return named(fresh(batch) if batch.again else batch.token, step)

"""What a row that doesn't count leaves to the rows that do: for whom and why the call was made.

The span that knows most of a call, and is kept, often comes from an instrumentation that knows
nothing of tenants; the one that was dropped for it is the application's own.
"""

from __future__ import annotations

from finops.clickhouse.client import Warehouse
from finops.costing.gather import HOUR

LEFT = (
    "tenant",
    "user_id",
    "team",
    "feature",
    "environment",
    "agent",
    "action_id",
    "action_name",
    "request_id",
)
COLUMNS = ", ".join(f"{name} String" for name in LEFT)
TABLE = f"""CREATE OR REPLACE TEMPORARY TABLE bequests (
    bequest_span UInt64, {COLUMNS}
) ENGINE = Memory"""

# Rows may repeat a row that repeats another one in its turn.
GRANDCHILDREN = """
INSERT INTO repeats
SELECT older.repeated, older.reason, younger.heir
FROM repeats AS older
INNER JOIN repeats AS younger ON younger.repeated = older.heir
"""

BEQUEATH = f"""
INSERT INTO bequests
SELECT n.span_key,
    {", ".join(f"argMinIf(c.{name}, (c.started_at, c.span_id), c.{name} != '')" for name in LEFT)}
FROM near AS n
INNER JOIN repeats ON repeats.heir = n.span_key
INNER JOIN near AS d ON d.span_key = repeats.repeated
INNER JOIN
(
    SELECT workspace_id, trace_id, span_id, started_at, {", ".join(LEFT)}
    FROM calls FINAL
    PREWHERE (workspace_id, toStartOfHour(started_at)) IN (SELECT workspace_id, hour FROM near)
        AND reinterpretAsUInt64(span_id) IN (
            SELECT reinterpretAsUInt64(span_id) FROM near
            WHERE span_key IN (SELECT repeated FROM repeats))
    WHERE started_at >= {{start:DateTime64(6, 'UTC')}} AND started_at < {{end:DateTime64(6, 'UTC')}}
) AS c ON c.workspace_id = d.workspace_id AND c.trace_id = d.trace_id AND c.span_id = d.span_id
GROUP BY n.span_key
"""


def bequeath(ch: Warehouse) -> None:
    """Fill the table `bequests` from `near` and `repeats`."""
    ch.command(TABLE)
    (found,) = ch.query(
        "SELECT count() AS repeats, min(hour) AS first, max(hour) AS last FROM near"
        " WHERE span_key IN (SELECT repeated FROM repeats)"
    )
    if found["repeats"]:
        ch.command(GRANDCHILDREN)
        ch.command(BEQUEATH, {"start": found["first"], "end": found["last"] + HOUR})

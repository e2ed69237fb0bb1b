"""Take charges out of the ledger whose calls are found to be none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from finops.clickhouse.client import Warehouse
from finops.costing.gather import HOUR
from finops.costing.lease import Lease
from finops.costing.rollup import roll_up, start_touching

# Workspace and ids of a call as one text, by which both tables are searched.
KEY = "concat(toString(workspace_id), ':', hex(trace_id), ':', hex(span_id))"
KEYS_AT_ONCE = 2_000

TOUCH = """
INSERT INTO touched
SELECT DISTINCT workspace_id, toStartOfHour(started_at)
FROM charges
WHERE started_at >= {start:DateTime64(6, 'UTC')} AND started_at < {end:DateTime64(6, 'UTC')}
    AND {KEY} IN {keys:Array(String)}
"""
FORGET = """
DELETE FROM {table}
WHERE started_at >= {start:DateTime64(6, 'UTC')} AND started_at < {end:DateTime64(6, 'UTC')}
    AND {KEY} IN {keys:Array(String)}
"""


def withdraw(
    ch: Warehouse, lease: Lease, keys: Sequence[str], first: datetime, last: datetime
) -> int:
    """Delete the calls and charges of these keys and sum their hours again; returns the hours.

    `first` and `last` are the starts of the earliest and the latest of them. What a run that is cut
    off left over is found and deleted by the next.
    """
    start_touching(ch)
    for at in range(0, len(keys), KEYS_AT_ONCE):
        params = {"keys": list(keys[at : at + KEYS_AT_ONCE]), "start": first, "end": last + HOUR}
        ch.command(TOUCH.replace("{KEY}", KEY), params)
        for table in ("charges", "calls"):
            ch.command(FORGET.replace("{KEY}", KEY).replace("{table}", table), params)
    return roll_up(ch, version=lease.version)

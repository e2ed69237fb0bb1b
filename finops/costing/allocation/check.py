"""Rows = bill, hour by hour and pool by pool: compared, and loud where it isn't so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import structlog

from finops.clickhouse.client import Warehouse

log = structlog.get_logger(__name__)

COMPARE = """
SELECT workspace_id, hour, pool, bill, rows, bill_ms, rows_ms
FROM
(
    SELECT workspace_id, hour, pool, bill_usd AS bill, gpu_ms AS bill_ms FROM gpu_bills FINAL
    WHERE hour >= {start:DateTime('UTC')} AND hour < {end:DateTime('UTC')}
) AS b
FULL JOIN
(
    SELECT workspace_id, hour, pool, sum(cost_usd) AS rows, sum(gpu_ms) AS rows_ms
    FROM gpu_allocations FINAL
    WHERE hour >= {start:DateTime('UTC')} AND hour < {end:DateTime('UTC')}
    GROUP BY workspace_id, hour, pool
) AS r USING (workspace_id, hour, pool)
WHERE bill != rows OR bill_ms != rows_ms
ORDER BY hour, workspace_id, pool
LIMIT 20
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """A pool's hour whose rows don't add up to its bill, in USD or in GPU milliseconds."""

    workspace_id: int
    hour: datetime
    pool: str
    bill_usd: Decimal
    rows_usd: Decimal
    bill_ms: int
    rows_ms: int


def differences(ch: Warehouse, start: datetime, end: datetime) -> list[Difference]:
    """Return the hours of [start, end) whose rows aren't their bill, twenty at most; logs them."""
    rows = ch.query(COMPARE, {"start": start, "end": end})
    found = [
        Difference(
            row["workspace_id"],
            row["hour"],
            row["pool"],
            row["bill"],
            row["rows"],
            row["bill_ms"],
            row["rows_ms"],
        )
        for row in rows
    ]
    if found:
        log.error(
            "gpu_rows_differ_from_bill",
            hours=len(found),
            first=str(found[0]),
            do="run manage.py allocate over these hours, and report how they came about",
        )
    return found

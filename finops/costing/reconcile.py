"""Rollup = charges = calls, hour by hour: compared, written down, and loud where it isn't so.

Only settled hours are compared: an hour with calls whose segment isn't charged yet is still being
worked on. The caller holds the charge job's lease, so nothing moves while the three are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import structlog

from finops.clickhouse.client import Warehouse
from finops.costing.models import ReconcileRun
from finops.costing.rollup import MEASURES

RECENT = timedelta(hours=26)
KEEP = timedelta(days=30)
SHOWN = 20

log = structlog.get_logger(__name__)

# What can be added up over hours and groups, from the charges themselves and from their sums.
FROM_CHARGES = ", ".join(f"{sql} AS raw_{name}" for name, sql in MEASURES.items())
FROM_ROLLUP = ", ".join(f"sum({name}) AS sum_{name}" for name in MEASURES)
DIFFERENT = " OR ".join(f"raw_{name} != sum_{name}" for name in MEASURES)
WASTE_SUM = " + ".join(name for name in MEASURES if name.endswith("_cost_usd"))

COMPARE = f"""
SELECT
    count() AS hours, sum(rows_of_calls) AS calls, sum(cost) AS cost_usd,
    countIf(differs) AS different,
    groupArrayIf({SHOWN})((workspace_id, hour, rows_of_calls, rows_of_charges,
        rollup_calls, cost, rollup_cost), differs) AS found
FROM
(
    SELECT
        workspace_id, hour, rows_of_calls, rows_of_charges,
        sum_calls AS rollup_calls, raw_cost_usd AS cost, sum_cost_usd AS rollup_cost,
        rows_of_calls != rows_of_charges OR {DIFFERENT} OR waste != sum_cost_usd AS differs
    FROM
    (
        SELECT workspace_id, toStartOfHour(started_at) AS hour, count() AS rows_of_calls,
            countIf(segment NOT IN (
                SELECT segment FROM segments
                WHERE charged = 1 AND segment IN (
                    SELECT DISTINCT segment FROM calls
                    WHERE started_at >= {{start:DateTime64(6, 'UTC')}}
                        AND started_at < {{end:DateTime64(6, 'UTC')}})
            )) AS unsettled
        FROM calls FINAL
        WHERE started_at >= {{start:DateTime64(6, 'UTC')}}
            AND started_at < {{end:DateTime64(6, 'UTC')}}
        GROUP BY workspace_id, hour
    ) AS facts
    FULL JOIN
    (
        SELECT workspace_id, hour, count() AS rows_of_charges, {FROM_CHARGES}
        FROM (
            SELECT *, toStartOfHour(started_at) AS hour, 0 AS was_there FROM charges FINAL
            WHERE started_at >= {{start:DateTime64(6, 'UTC')}}
                AND started_at < {{end:DateTime64(6, 'UTC')}}
        )
        GROUP BY workspace_id, hour
    ) AS ledger USING (workspace_id, hour)
    FULL JOIN
    (
        SELECT workspace_id, hour, {FROM_ROLLUP}, sum({WASTE_SUM}) AS waste
        FROM usage_hourly FINAL
        WHERE hour >= {{start:DateTime('UTC')}} AND hour < {{end:DateTime('UTC')}}
        GROUP BY workspace_id, hour
    ) AS sums USING (workspace_id, hour)
    WHERE unsettled = 0
)
"""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An hour in which the three don't agree."""

    workspace_id: int
    hour: datetime
    calls: int
    charges: int
    rollup_calls: int
    charges_usd: Decimal
    rollup_usd: Decimal

    def as_json(self) -> dict[str, Any]:
        return {
            "workspace_id": self.workspace_id,
            "hour": self.hour.isoformat(),
            "calls": self.calls,
            "charges": self.charges,
            "rollup_calls": self.rollup_calls,
            "charges_usd": str(self.charges_usd),
            "rollup_usd": str(self.rollup_usd),
        }


def reconcile(
    ch: Warehouse, *, now: datetime, start: datetime | None = None, end: datetime | None = None
) -> ReconcileRun:
    """Compare whole hours, by default the last day's, and store what came out."""
    first = (start or now - RECENT).replace(minute=0, second=0, microsecond=0)
    last = (end or now).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    (row,) = ch.query(COMPARE, {"start": first, "end": last})
    found = [Mismatch(*values) for values in row["found"]]
    run = ReconcileRun.objects.create(
        at=now,
        start=first,
        end=last,
        hours=row["hours"],
        calls=row["calls"],
        cost_usd=row["cost_usd"],
        ok=row["different"] == 0,
        mismatches=[mismatch.as_json() for mismatch in found],
    )
    ReconcileRun.objects.filter(at__lt=now - KEEP).delete()
    if not run.ok:
        log.error(
            "rollup_differs_from_charges",
            hours=row["different"],
            first=found[0].as_json(),
            do="run manage.py recompute over these hours, and report how they came about",
        )
    return run


def last_reconciliation() -> ReconcileRun | None:
    """Return the newest comparison; None before the first."""
    return ReconcileRun.objects.order_by("-at").first()


def ledger_in_doubt() -> ReconcileRun | None:
    """Return the newest comparison if it found a difference: pages warn with it."""
    run = last_reconciliation()
    return run if run is not None and not run.ok else None

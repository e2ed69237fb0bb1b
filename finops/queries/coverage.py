"""Which times and which names a workspace has calls for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from finops.clickhouse.client import Warehouse
from finops.queries.dimensions import as_dimension
from finops.queries.ledger import SETTINGS
from finops.queries.range import Range, ceil_hour, floor_hour


@dataclass(frozen=True, slots=True)
class Coverage:
    """When the first and the last call of a workspace started."""

    first: datetime
    last: datetime


def coverage(ch: Warehouse, workspace_id: int) -> Coverage | None:
    """Return from when to when there are charged calls; None before the first.

    The rollup knows the two hours, so that only their charges are read.
    """
    row = ch.query(
        "WITH (SELECT (minOrNull(hour), maxOrNull(hour)) FROM usage_hourly FINAL "
        "WHERE workspace_id = {workspace_id:UInt64} AND calls > 0) AS hours "
        "SELECT minOrNull(started_at) AS first, maxOrNull(started_at) AS last FROM charges FINAL "
        "WHERE workspace_id = {workspace_id:UInt64} AND counted = 1 "
        "AND toStartOfHour(started_at) IN (hours.1, hours.2)",
        {"workspace_id": workspace_id},
        settings=SETTINGS,
    )[0]
    if row["first"] is None:
        return None
    return Coverage(first=row["first"], last=row["last"])


def names(
    ch: Warehouse, workspace_id: int, span: Range, dimension: str, *, limit: int = 200
) -> list[str]:
    """Return the names of a dimension in these hours, the costliest first: what a filter offers."""
    column = as_dimension(dimension)
    rows = ch.query(
        f"SELECT {column} AS name FROM usage_hourly FINAL "
        "WHERE workspace_id = {workspace_id:UInt64} "
        "AND hour >= {start:DateTime('UTC')} AND hour < {end:DateTime('UTC')} AND calls > 0 "
        "GROUP BY name ORDER BY sum(cost_usd) DESC, name LIMIT {limit:UInt32}",
        {
            "workspace_id": workspace_id,
            "start": floor_hour(span.start),
            "end": ceil_hour(span.end),
            "limit": limit,
        },
        settings=SETTINGS,
    )
    return [row["name"] for row in rows]

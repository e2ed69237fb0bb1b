"""Which times and which names a workspace has calls for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from finops.clickhouse.client import Warehouse
from finops.queries.dimensions import as_dimension
from finops.queries.ledger import SETTINGS
from finops.queries.range import Range, ceil_hour, floor_hour


@dataclass(frozen=True, slots=True)
class Coverage:
    """The first hour with calls, and the end of the last one."""

    first: datetime
    last: datetime


def coverage(ch: Warehouse, workspace_id: int) -> Coverage | None:
    """Return from when to when there are charged calls; None before the first."""
    row = ch.query(
        "SELECT minOrNull(hour) AS first, maxOrNull(hour) AS last FROM usage_hourly FINAL "
        "WHERE workspace_id = {workspace_id:UInt64} AND calls > 0",
        {"workspace_id": workspace_id},
        settings=SETTINGS,
    )[0]
    if row["first"] is None:
        return None
    return Coverage(first=row["first"], last=row["last"] + timedelta(hours=1))


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

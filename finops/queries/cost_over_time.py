"""Cost by bucket of time and one dimension: the largest groups, and the rest as one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from finops.clickhouse.client import Warehouse
from finops.queries.buckets import (
    START_SQL,
    Bucket,
    bucket_for,
    bucket_starts,
    have_whole_hours,
    seconds_of,
)
from finops.queries.dimensions import NO_FILTERS, Filters, as_dimension
from finops.queries.ledger import SETTINGS, ledger
from finops.queries.range import Range

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Series:
    """One group's cost in USD for each bucket; None where it is unknown (see finops.queries)."""

    name: str
    rest: bool
    costs_usd: list[Decimal | None]

    @property
    def total_usd(self) -> Decimal | None:
        """The sum of what is known; None where that is nothing and a bucket is unknown."""
        known = sum((cost for cost in self.costs_usd if cost is not None), ZERO)
        return None if not known and None in self.costs_usd else known


@dataclass(frozen=True, slots=True)
class CostOverTime:
    """Series by falling cost, the rest last; `starts` are UTC and as many as each series' costs."""

    bucket: Bucket
    starts: list[datetime]
    series: list[Series]


def cost_over_time(
    ch: Warehouse,
    workspace_id: int,
    span: Range,
    by: str = "model",
    filters: Filters = NO_FILTERS,
    *,
    zone: ZoneInfo,
    top: int = 8,
) -> CostOverTime:
    """Return the cost of the `top` costliest groups over time, and of all others together.

    The bucket follows from the length of the range; days are those of `zone`.
    """
    dimension = as_dimension(by)
    bucket = bucket_for(span.length)
    measures = ("calls", "unpriced_calls", "cost_usd")
    starts = bucket_starts(span, bucket, zone)
    seconds = seconds_of(starts)
    by_call = not have_whole_hours(bucket, starts)
    source = ledger(workspace_id, span, filters, (dimension,), measures, by_call=by_call)
    rows = ch.query(
        f"WITH ledger AS ({source.sql}), "
        f"largest AS (SELECT {dimension} FROM ledger GROUP BY {dimension} "
        f"ORDER BY sum(m_cost_usd) DESC, {dimension} LIMIT {{top:UInt32}}) "
        f"SELECT {dimension} NOT IN largest AS rest, if(rest, '', {dimension}) AS name, "
        f"{START_SQL} AS start, "
        "if(sum(m_unpriced_calls) > 0 AND sum(m_cost_usd) = 0, NULL, sum(m_cost_usd)) AS cost "
        "FROM ledger GROUP BY rest, name, start HAVING sum(m_calls) > 0",
        {**source.params, "top": top, "starts": seconds},
        settings=SETTINGS,
    )
    series: dict[tuple[bool, str], list[Decimal | None]] = {}
    for row in rows:
        costs = series.setdefault((bool(row["rest"]), row["name"]), [ZERO] * len(starts))
        costs[seconds.index(row["start"])] = row["cost"]
    found = [Series(name, rest, costs) for (rest, name), costs in series.items()]
    found.sort(key=lambda one: (one.rest, -(one.total_usd or ZERO), one.name))
    return CostOverTime(bucket=bucket, starts=starts, series=found)

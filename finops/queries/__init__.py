"""Every read of the ledger, by question. The workspace comes first in each.

A cost is unknown, None and never 0, where calls are unpriced and the others cost exactly nothing:
a group of unpriced calls doesn't become free by one that was rate-limited.
"""

from __future__ import annotations

from finops.queries.arrivals import Arrival, LastCall, Shares, arrivals, last_call, shares
from finops.queries.cost_over_time import CostOverTime, Series, cost_over_time
from finops.queries.coverage import Coverage, coverage, names
from finops.queries.dimensions import DIMENSIONS, NO_FILTERS, Dimension, Filters
from finops.queries.errors import InvalidRange, QuestionError, UnknownDimension
from finops.queries.freshness import Freshness, freshness
from finops.queries.range import Range
from finops.queries.spend import spend
from finops.queries.unit_costs import (
    ORDERS,
    UnitCost,
    UnitCosts,
    stream_unit_costs,
    totals,
    unit_costs,
)
from finops.queries.unpriced import Unpriced, priced_by_gpus, unpriced

__all__ = [
    "DIMENSIONS",
    "NO_FILTERS",
    "ORDERS",
    "Arrival",
    "CostOverTime",
    "Coverage",
    "Dimension",
    "Filters",
    "Freshness",
    "InvalidRange",
    "LastCall",
    "QuestionError",
    "Range",
    "Series",
    "Shares",
    "UnitCost",
    "UnitCosts",
    "UnknownDimension",
    "Unpriced",
    "arrivals",
    "cost_over_time",
    "coverage",
    "freshness",
    "last_call",
    "names",
    "priced_by_gpus",
    "shares",
    "spend",
    "stream_unit_costs",
    "totals",
    "unit_costs",
    "unpriced",
]

"""What one successful request cost, by any of the dimensions.

cost per successful request = clean cost / successful requests; waste stands beside it and their sum
is the loaded cost. Quotients are Decimal, rounded half to even at 12 places, each from exact sums;
so clean + waste may differ from loaded in the last place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, Literal, Self, get_args

from finops.clickhouse.client import Warehouse
from finops.queries.dimensions import NO_FILTERS, Dimension, Filters, as_dimensions
from finops.queries.errors import UnknownDimension
from finops.queries.ledger import MEASURES, SETTINGS, WASTE_CLASSES, Statement, ledger
from finops.queries.range import Range

USD_PLACES = Decimal("0.000000000001")
EXACT = Context(prec=76, rounding=ROUND_HALF_EVEN)
# A file of every row is read as fast as its reader takes it, which counts as execution.
STREAM_SETTINGS = {**SETTINGS, "max_execution_time": 120}

Order = Literal[
    "cost_usd",
    "successful_requests",
    "requests",
    "calls",
    "input_tokens",
    "output_tokens",
    "waste_cost_usd",
    "cost_per_successful_request_usd",
    "loaded_cost_per_successful_request_usd",
]
ORDERS: tuple[Order, ...] = get_args(Order)
UNKNOWN = "unpriced_calls > 0 AND cost_usd = 0"
ORDER_SQL: dict[Order, str] = {
    "cost_usd": f"if({UNKNOWN}, NULL, cost_usd)",
    "successful_requests": "successful_requests",
    "requests": "requests",
    "calls": "calls",
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "waste_cost_usd": f"if({UNKNOWN}, NULL, cost_usd - clean_cost_usd)",
    "cost_per_successful_request_usd": (
        f"if({UNKNOWN}, NULL, clean_cost_usd / nullIf(successful_requests, 0))"
    ),
    "loaded_cost_per_successful_request_usd": (
        f"if({UNKNOWN}, NULL, cost_usd / nullIf(successful_requests, 0))"
    ),
}


@dataclass(frozen=True, slots=True)
class UnitCost:
    """Sums over the calls of one group, and what follows from them.

    Costs are USD and None where they are unknown (see finops.queries); with some calls unpriced
    they are the sum of the others, and `unpriced_calls` says so. Tokens are totals: input includes
    the cache buckets, output includes reasoning.
    """

    group: Mapping[Dimension, str]
    calls: int
    requests: int
    successful_requests: int
    unpriced_calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal | None
    clean_cost_usd: Decimal | None
    retry_cost_usd: Decimal | None
    failed_cost_usd: Decimal | None
    fallback_cost_usd: Decimal | None
    aborted_cost_usd: Decimal | None
    duplicate_cost_usd: Decimal | None

    @classmethod
    def from_row(cls, row: Mapping[str, Any], dimensions: Sequence[Dimension]) -> Self:
        unknown = row["unpriced_calls"] > 0 and not row["cost_usd"]
        measures: dict[str, Any] = {
            name: None if unknown and name.endswith("_usd") else row[name] for name in MEASURES
        }
        return cls(group={name: row[name] for name in dimensions}, **measures)

    @property
    def waste_cost_usd(self) -> Decimal | None:
        if self.cost_usd is None or self.clean_cost_usd is None:
            return None
        return EXACT.subtract(self.cost_usd, self.clean_cost_usd)

    @property
    def waste_by_class(self) -> dict[str, Decimal | None]:
        return {name: getattr(self, f"{name}_cost_usd") for name in WASTE_CLASSES}

    @property
    def waste_share(self) -> Decimal | None:
        """Waste / cost, from 0 to 1; None when nothing was spent."""
        return divide(self.waste_cost_usd, self.cost_usd)

    @property
    def cost_per_successful_request_usd(self) -> Decimal | None:
        return divide(self.clean_cost_usd, self.successful_requests)

    @property
    def waste_cost_per_successful_request_usd(self) -> Decimal | None:
        return divide(self.waste_cost_usd, self.successful_requests)

    @property
    def loaded_cost_per_successful_request_usd(self) -> Decimal | None:
        return divide(self.cost_usd, self.successful_requests)


@dataclass(frozen=True, slots=True)
class UnitCosts:
    """Rows of an answer, and how many groups there are in all when `limit` cut them."""

    rows: list[UnitCost]
    groups: int


def divide(part: Decimal | None, whole: Decimal | int | None) -> Decimal | None:
    """part / whole at 12 places, half to even; None when there is nothing to divide by."""
    if part is None or not whole:
        return None
    return EXACT.quantize(EXACT.divide(part, Decimal(whole)), USD_PLACES)


def unit_costs(
    ch: Warehouse,
    workspace_id: int,
    span: Range,
    group_by: Sequence[str],
    filters: Filters = NO_FILTERS,
    *,
    order: str = "-cost_usd",
    limit: int = 10_000,
) -> UnitCosts:
    """Return at most `limit` groups, sorted by a measure ('-' in front: largest first).

    Raises UnknownDimension for a name that isn't a dimension or an order.
    """
    dimensions = as_dimensions(group_by)
    asked = ask(workspace_id, span, dimensions, filters, order)
    limited = f"{asked.sql} LIMIT {{limit:UInt64}}"
    rows = ch.query(limited, {**asked.params, "limit": limit}, settings=SETTINGS)
    found = [UnitCost.from_row(row, dimensions) for row in rows]
    return UnitCosts(rows=found, groups=rows[0]["groups"] if rows else 0)


def stream_unit_costs(
    ch: Warehouse,
    workspace_id: int,
    span: Range,
    group_by: Sequence[str],
    filters: Filters = NO_FILTERS,
    *,
    order: str = "-cost_usd",
) -> Iterator[UnitCost]:
    """Yield every group in constant memory; otherwise as unit_costs."""
    dimensions = as_dimensions(group_by)
    asked = ask(workspace_id, span, dimensions, filters, order)
    for row in ch.stream(asked.sql, asked.params, settings=STREAM_SETTINGS):
        yield UnitCost.from_row(row, dimensions)


def totals(
    ch: Warehouse, workspace_id: int, span: Range, filters: Filters = NO_FILTERS
) -> UnitCost:
    """Return the sums over everything that the filters let through; zeros when there is nothing."""
    asked = ask(workspace_id, span, (), filters, "-cost_usd")
    return UnitCost.from_row(ch.query(asked.sql, asked.params, settings=SETTINGS)[0], ())


def ask(
    workspace_id: int, span: Range, dimensions: Sequence[Dimension], filters: Filters, order: str
) -> Statement:
    source = ledger(workspace_id, span, filters, dimensions, tuple(MEASURES))
    sums = ", ".join(f"sum(m_{name}) AS {name}" for name in MEASURES)
    if not dimensions:
        return Statement(f"SELECT {sums} FROM ({source.sql})", source.params)
    names = ", ".join(dimensions)
    return Statement(
        f"SELECT {names}, {sums}, count() OVER () AS groups FROM ({source.sql}) "
        f"GROUP BY {names} HAVING calls > 0 OR requests > 0 "
        f"ORDER BY {order_by(order)}, {names}",
        source.params,
    )


def order_by(order: str) -> str:
    direction = "DESC" if order.startswith("-") else "ASC"
    for name, sql in ORDER_SQL.items():
        if order.removeprefix("-") == name:
            return f"{sql} {direction} NULLS LAST"
    raise UnknownDimension(f"{order[:50]!r} is not an order; use one of {', '.join(ORDERS)}.")

"""Ask the ledger for two periods, and explain how cost got from one to the other."""

from __future__ import annotations

from dataclasses import dataclass

from finops.clickhouse.client import Warehouse
from finops.insights.drivers import Drivers, drivers
from finops.queries.dimensions import NO_FILTERS, Dimension, Filters
from finops.queries.drivers import OF_MODELS, REST, Cell, Period, periods_of
from finops.queries.range import Range


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why cost changed from `baseline` to `span`, in rows by one dimension.

    `periods` hold what was counted in the baseline and in the range; `rest` is the name of the row
    of all small segments, None where there is none.
    """

    span: Range
    baseline: Range
    by: Dimension
    periods: tuple[Period, Period]
    found: Drivers
    rest: str | None


def explain_change(
    ch: Warehouse,
    workspace_id: int,
    span: Range,
    baseline: Range,
    by: Dimension,
    filters: Filters = NO_FILTERS,
) -> Explanation:
    """Compare a range with a baseline, which may be of another length or lie anywhere."""
    periods = periods_of(ch, workspace_id, (baseline, span), by, filters)
    rest = next((period.rest for period in periods if period.rest), None)
    row_of = {"model": model_of, "provider": provider_of}[by] if by in OF_MODELS else None
    return Explanation(span, baseline, by, periods, drivers(*periods, row_of), rest)


def model_of(cell: Cell) -> str:
    return cell.model


def provider_of(cell: Cell) -> str:
    return cell.provider


__all__ = ["REST", "Explanation", "explain_change"]

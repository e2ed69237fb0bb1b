"""What a workspace or one tenant has spent: the number that budgets watch."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from finops.clickhouse.client import Warehouse
from finops.queries.dimensions import NO_FILTERS, Filters
from finops.queries.range import Range
from finops.queries.unit_costs import totals


def spend(
    ch: Warehouse,
    workspace_id: int,
    span: Range,
    tenant: str | None = None,
    as_of: datetime | None = None,
) -> Decimal | None:
    """Return the cost in USD, waste included; None where it is unknown.

    `as_of` cuts the range: only calls that started before it count. tenant='' is the traffic that
    named no tenant.
    """
    if as_of is not None and as_of <= span.start:
        return Decimal(0)
    until = span.end if as_of is None else min(span.end, as_of)
    filters = NO_FILTERS if tenant is None else Filters({"tenant": (tenant,)})
    return totals(ch, workspace_id, Range(span.start, until), filters).cost_usd

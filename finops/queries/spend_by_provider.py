"""What a workspace has spent with each provider: the number that draws a commitment down."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal

from finops.clickhouse.client import Warehouse
from finops.queries.range import Range
from finops.queries.unit_costs import unit_costs

# A term may be longer than the longest range that one question may have.
PIECE = timedelta(days=366)


def spend_by_provider(
    ch: Warehouse, workspace_id: int, start: datetime, end: datetime
) -> dict[str, Decimal]:
    """Return the cost in USD in [start, end), waste included, by the provider's name in calls.

    Calls without a price add nothing. An empty time has no costs.
    """
    found: dict[str, Decimal] = defaultdict(Decimal)
    while start < end:
        until = min(start + PIECE, end)
        for row in unit_costs(ch, workspace_id, Range(start, until), ("provider",)).rows:
            found[row.group["provider"]] += row.cost_usd or Decimal(0)
        start = until
    return dict(found)

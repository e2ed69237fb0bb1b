"""What budgets ask the ledger: the spend of each tenant, and the facts behind an alert."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from finops.budgets.models import Budget
from finops.budgets.period import Period
from finops.budgets.snapshot import ModelSpend, Snapshot
from finops.clickhouse.client import Warehouse
from finops.queries.dimensions import NO_FILTERS, Filters
from finops.queries.freshness import freshness
from finops.queries.range import Range
from finops.queries.unit_costs import totals, unit_costs

MODELS_SHOWN = 5


def spend_by_tenant(
    ch: Warehouse, workspace_id: int, period: Period, tenants: Iterable[str]
) -> dict[str, Decimal | None]:
    """Return the USD spent in the month by each of `tenants`; '' stands for the whole workspace.

    None: it is unknown (see finops.queries).
    """
    span = Range(period.start, period.end)
    found: dict[str, Decimal | None] = dict.fromkeys(tenants, Decimal(0))
    if "" in found:
        found[""] = totals(ch, workspace_id, span).cost_usd
    named = tuple(sorted(found.keys() - {""}))
    if named:
        answer = unit_costs(
            ch, workspace_id, span, ["tenant"], Filters({"tenant": named}), limit=len(named)
        )
        found |= {row.group["tenant"]: row.cost_usd for row in answer.rows}
    return found


def take_snapshot(ch: Warehouse, budget: Budget, period: Period, now: datetime) -> Snapshot:
    """Return what there is to say of a budget's month: models, gaps and freshness."""
    filters = Filters({"tenant": (budget.tenant,)}) if budget.tenant else NO_FILTERS
    span = Range(period.start, period.end)
    workspace = budget.workspace
    total = totals(ch, workspace.pk, span, filters)
    models = unit_costs(ch, workspace.pk, span, ["model"], filters, limit=MODELS_SHOWN)
    return Snapshot(
        at=now,
        timezone=workspace.timezone,
        spend_usd=total.cost_usd or Decimal(0),
        models=tuple(
            ModelSpend(row.group["model"], row.cost_usd) for row in models.rows if row.cost_usd
        ),
        unpriced_calls=total.unpriced_calls,
        costed_to=freshness(ch, workspace.pk).costed_to,
    )

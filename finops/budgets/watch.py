"""Looks at every active budget and writes down what its spend calls for; sends nothing."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

import structlog
from django.db import IntegrityError

from finops.budgets.claim import claim, past_alerts
from finops.budgets.evaluate import evaluate
from finops.budgets.models import Budget
from finops.budgets.period import Period, months_to_watch
from finops.budgets.spend import spend_by_tenant, take_snapshot
from finops.clickhouse.client import Warehouse
from finops.clickhouse.errors import Unavailable, WarehouseError

log = structlog.get_logger(__name__)


def watch_budgets(ch: Warehouse, now: datetime, *, sender: str) -> None:
    """Claim an alert for each budget whose spend crosses a threshold.

    A month of a workspace that can't be asked about is left for the next minute and never in the
    way of the others. Raises Unavailable when ClickHouse is away, and so for all of them.
    """
    for (workspace_id, period), budgets in by_month(now).items():
        try:
            watch_month(ch, workspace_id, period, budgets, now, sender)
        except Unavailable:
            raise
        except WarehouseError as error:
            log.warning("budgets_not_evaluated", workspace=workspace_id, error=str(error))


def by_month(now: datetime) -> dict[tuple[int, Period], list[Budget]]:
    """Group the active budgets by what can be asked at once: a month of a workspace."""
    grouped = defaultdict(list)
    for budget in Budget.objects.filter(active=True).select_related("workspace").order_by("pk"):
        for period in months_to_watch(now, budget.workspace.timezone, budget.terms_since):
            grouped[budget.workspace_id, period].append(budget)
    return grouped


def watch_month(
    ch: Warehouse,
    workspace_id: int,
    period: Period,
    budgets: list[Budget],
    now: datetime,
    sender: str,
) -> None:
    spends = spend_by_tenant(ch, workspace_id, period, {budget.tenant for budget in budgets})
    past = past_alerts(budgets, period)
    for budget in budgets:
        decision = evaluate(budget.terms, spends[budget.tenant], past[budget.pk])
        if not decision:
            continue
        snapshot = take_snapshot(ch, budget, period, now)
        try:
            claim(budget, period, decision, snapshot, sender=sender)
        except IntegrityError:  # deleted since it was loaded
            log.info("budget_gone", budget=budget.pk)
            continue
        log.info("budget_evaluated", budget=budget.pk, alert=decision.alert, month=period.first_day)

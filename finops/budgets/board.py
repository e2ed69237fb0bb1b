"""Where the budgets of a workspace stand now: what the page and the API show.

With ClickHouse away both go on without: a budget can be read and changed all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog

from finops.accounts.models import Workspace
from finops.budgets.models import Budget
from finops.budgets.period import month_of, previous_month
from finops.budgets.spend import spend_by_tenant
from finops.budgets.standing import Standing, stand
from finops.clickhouse.client import Warehouse, warehouse
from finops.clickhouse.errors import WarehouseError
from finops.config import ConfigError
from finops.queries.coverage import names
from finops.queries.range import Range

log = structlog.get_logger(__name__)


def known_standings(
    workspace: Workspace, budgets: Sequence[Budget], now: datetime
) -> dict[int, Standing] | None:
    """Return the standings by budget's id; None when the ledger can't be read now."""
    if not budgets:
        return {}
    try:
        with warehouse() as ch:
            return standings(ch, workspace, budgets, now)
    except (WarehouseError, ConfigError) as error:
        log.warning("standings_unknown", workspace=workspace.pk, error=str(error))
        return None


def standings(
    ch: Warehouse, workspace: Workspace, budgets: Sequence[Budget], now: datetime
) -> dict[int, Standing]:
    """Return each budget's standing in the running month; raises WarehouseError.

    All budgets are the workspace's own; it takes two statements however many there are.
    """
    period = month_of(now, workspace.timezone)
    spends = spend_by_tenant(ch, workspace.pk, period, {budget.tenant for budget in budgets})
    return {
        budget.pk: stand(
            budget.amount_usd, budget.terms.thresholds, period, spends[budget.tenant], now
        )
        for budget in budgets
    }


def known_tenants(workspace: Workspace, now: datetime) -> list[str]:
    """Return the tenants that spent this month or last, the costliest first, to suggest them."""
    month = month_of(now, workspace.timezone)
    span = Range(previous_month(month, workspace.timezone).start, month.end)
    try:
        with warehouse() as ch:
            return [name for name in names(ch, workspace.pk, span, "tenant") if name]
    except (WarehouseError, ConfigError):
        return []

"""The minute's task: look at the budgets, then send what is due."""

from __future__ import annotations

import structlog
from celery import shared_task
from django.utils.timezone import now

from finops.budgets.mailer import mailer_for
from finops.budgets.notify import deliver_due
from finops.budgets.watch import watch_budgets
from finops.clickhouse.client import warehouse
from finops.clickhouse.errors import WarehouseError
from finops.config import load_config

log = structlog.get_logger(__name__)


@shared_task(ignore_result=True)
def evaluate_budgets() -> None:
    """Raise and send alerts; with ClickHouse away, what was raised before is sent all the same."""
    config = load_config()
    try:
        with warehouse() as ch:
            watch_budgets(ch, now(), sender=config.email_from)
    except WarehouseError as error:
        log.warning("budgets_wait_for_clickhouse", code=error.code, error=str(error))
    deliver_due(mailer_for(config), now, sender=config.email_from, site_url=config.site_url)

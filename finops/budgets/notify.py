"""Sends the alerts that are written down and due; safe to run anywhere, any number of times.

An alert is taken by moving its `retry_at` ahead in one statement, so of all workers one has it.
One that dies with it, before or after the mail server said yes, leaves a row that is due again
after the lease: it is then sent under the same Message-ID. No protocol can close that last gap,
since SMTP has no transaction that could span the database.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.db.models import F

from finops.budgets.errors import DeliveryError, Unreachable
from finops.budgets.mailer import Mailer
from finops.budgets.message import write_message
from finops.budgets.models import BudgetAlert

LEASE = timedelta(minutes=10)  # far longer than a mail server may take
LONGEST_WAIT = timedelta(minutes=30)
TICK_MARGIN = timedelta(seconds=15)
GIVE_UP_AFTER = timedelta(days=2)
State = BudgetAlert.State
Clock = Callable[[], datetime]

log = structlog.get_logger(__name__)


def deliver_due(mailer: Mailer, clock: Clock, *, sender: str, site_url: str) -> None:
    """Send every alert that is due; stops for now when the mail server can't be reached."""
    due = BudgetAlert.objects.filter(
        state=State.CLAIMED, retry_at__lte=clock(), rearmed_at=None, budget__active=True
    )
    for pk in list(due.order_by("claimed_at", "pk").values_list("pk", flat=True)):
        alert = take(pk, clock())
        if alert is None:
            continue
        try:
            remark = mailer.send(
                write_message(alert, sender=sender, site_url=site_url, now=clock())
            )
        except DeliveryError as error:
            record_failure(alert, error, clock())
            if isinstance(error, Unreachable):
                return
        else:
            state = State.OUTBOX if mailer.writes_files else State.SENT
            finish(alert, state, remark, clock())
            log.info("budget_alert_sent", alert=alert.pk, budget=alert.budget_id, state=state)


def take(pk: int, now: datetime) -> BudgetAlert | None:
    """Take an alert that is due, or return None when another worker has it."""
    taken = BudgetAlert.objects.filter(pk=pk, state=State.CLAIMED, retry_at__lte=now).update(
        attempts=F("attempts") + 1, retry_at=now + LEASE
    )
    if not taken:
        return None
    return BudgetAlert.objects.select_related("budget__workspace").filter(pk=pk).first()


def finish(alert: BudgetAlert, state: BudgetAlert.State, remark: str, now: datetime) -> None:
    # `attempts` fences: a worker that slept through its lease must not overwrite its successor.
    BudgetAlert.objects.filter(pk=alert.pk, attempts=alert.attempts).update(
        state=state, error=remark[:500], finished_at=now
    )


def record_failure(alert: BudgetAlert, error: DeliveryError, now: datetime) -> None:
    """Plan the next attempt, or end the alert as failed; the page shows the error either way."""
    log.warning(
        "budget_alert_not_sent",
        alert=alert.pk,
        budget=alert.budget_id,
        attempts=alert.attempts,
        code=error.code,
        error=str(error),
    )
    if not error.retryable or now - alert.claimed_at >= GIVE_UP_AFTER:
        finish(alert, State.FAILED, str(error), now)
        return
    BudgetAlert.objects.filter(pk=alert.pk, attempts=alert.attempts).update(
        retry_at=now + wait_after(alert.attempts), error=str(error)[:500]
    )


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts: about 1, 2, 4, … up to 30 minutes.

    A little less than whole minutes, or the tick of the minute would come just before.
    """
    return min(timedelta(minutes=1 << min(attempts - 1, 10)), LONGEST_WAIT) - TICK_MARGIN

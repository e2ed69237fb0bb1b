"""Writes a decision down, so that exactly one worker's version of it counts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from email.utils import parseaddr

from django.db import transaction

from finops.budgets.evaluate import Decision, PastAlert
from finops.budgets.models import Budget, BudgetAlert
from finops.budgets.period import Period
from finops.budgets.snapshot import Snapshot

State = BudgetAlert.State


def past_alerts(budgets: Iterable[Budget], period: Period) -> dict[int, list[PastAlert]]:
    """Return the alerts of a month that still stand, as facts for `evaluate`, by budget's id."""
    past: dict[int, list[PastAlert]] = {budget.pk: [] for budget in budgets}
    standing = BudgetAlert.objects.filter(
        budget__in=past, period_start=period.first_day, rearmed_at=None
    )
    for alert in standing.only("budget_id", "threshold", "amount_usd"):
        past[alert.budget_id].append(PastAlert(alert.pk, alert.threshold, alert.amount_usd))
    return past


def claim(
    budget: Budget, period: Period, decision: Decision, snapshot: Snapshot, *, sender: str
) -> None:
    """Write the decision down in one transaction; what another worker wrote first stays.

    After this the alert is due and is sent by whoever finds it, this worker or the next one.
    """
    alerts = [
        new_alert(budget, period, threshold, snapshot, sender)
        for threshold in sorted({*decision.superseded, *filter(None, [decision.alert])})
    ]
    for alert in alerts:
        if alert.threshold != decision.alert:
            alert.state, alert.finished_at = State.SUPERSEDED, snapshot.at
    with transaction.atomic():
        rearm(decision.rearmed, snapshot.at)
        # The unique constraint decides between workers. Ascending, so that two never deadlock.
        BudgetAlert.objects.bulk_create(alerts, ignore_conflicts=True)
        if decision.alert is not None:
            # A lower alert that still waits for the mail server has nothing left to say.
            budget.alerts.filter(
                period_start=period.first_day,
                rearmed_at=None,
                state=State.CLAIMED,
                threshold__lt=decision.alert,
            ).update(state=State.SUPERSEDED, finished_at=snapshot.at)


def rearm(ids: tuple[int, ...], now: datetime) -> None:
    alerts = BudgetAlert.objects.filter(pk__in=ids, rearmed_at=None)
    alerts.filter(state=State.CLAIMED).update(state=State.WITHDRAWN, finished_at=now)
    alerts.update(rearmed_at=now)


def new_alert(
    budget: Budget, period: Period, threshold: int, snapshot: Snapshot, sender: str
) -> BudgetAlert:
    return BudgetAlert(
        budget=budget,
        period_start=period.first_day,
        threshold=threshold,
        amount_usd=budget.amount_usd,
        snapshot=snapshot.to_json(),
        message_id=message_id(budget, period, threshold, snapshot.at, sender),
        claimed_at=snapshot.at,
        retry_at=snapshot.at,
    )


def message_id(budget: Budget, period: Period, threshold: int, at: datetime, sender: str) -> str:
    """Return the id under which every attempt of this alert is sent: mail servers drop doubles."""
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    month = f"{period.first_day:%Y-%m}"
    return f"<budget-{budget.pk}.{month}.{threshold}.{int(at.timestamp())}@{domain}>"

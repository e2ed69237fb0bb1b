"""Every change of a budget: checked, written with its entry in the audit trail.

All raise django's ValidationError, whose messages are by field, when a value is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from finops.accounts.audit import record
from finops.accounts.models import User, Workspace
from finops.budgets.models import Budget, BudgetAlert

CHANGEABLE = ("amount_usd", "thresholds", "recipients", "active")
TERMS = {"amount_usd", "thresholds", "active"}


def create_budget(
    workspace: Workspace,
    values: Mapping[str, Any],
    *,
    now: datetime,
    actor: User | None = None,
    key: str = "",
) -> Budget:
    """Make a budget from `tenant` and the changeable values; `key` is the API key that asked."""
    budget = Budget(
        workspace=workspace, created_by=actor, created_at=now, terms_since=now, **values
    )
    with transaction.atomic():
        save(budget)
        record(workspace, actor, "budget.created", target_of(budget), key=key, **facts(budget))
    return budget


def change_budget(
    budget: Budget,
    values: Mapping[str, Any],
    *,
    now: datetime,
    actor: User | None = None,
    key: str = "",
) -> Budget:
    """Set some of the changeable values; the same values again change nothing.

    Whose money a budget watches stays: its alerts speak of that.
    """
    with transaction.atomic():
        budget = Budget.objects.select_for_update().get(pk=budget.pk)
        before = facts(budget)
        for name in values.keys() & set(CHANGEABLE):
            setattr(budget, name, values[name])
        budget.full_clean()
        changed = {name: value for name, value in facts(budget).items() if before[name] != value}
        if not changed:
            return budget
        if changed.keys() & TERMS:
            budget.terms_since = now
        save(budget)
        was = {name: before[name] for name in changed}
        target = target_of(budget)
        record(
            budget.workspace, actor, "budget.changed", target, key=key, before=was, after=changed
        )
    return budget


def delete_budget(budget: Budget, *, actor: User | None = None, key: str = "") -> None:
    """Remove a budget and its alerts; what it was stays in the audit trail."""
    with transaction.atomic():
        target = target_of(budget)
        record(budget.workspace, actor, "budget.deleted", target, key=key, **facts(budget))
        budget.delete()


def send_again(alert: BudgetAlert, *, now: datetime, actor: User | None = None) -> bool:
    """Put an alert that failed back in line for the next minute; False when it did not fail."""
    failed = BudgetAlert.objects.filter(pk=alert.pk, state=BudgetAlert.State.FAILED)
    with transaction.atomic():
        put = failed.update(
            state=BudgetAlert.State.CLAIMED,
            claimed_at=now,
            retry_at=now,
            finished_at=None,
        )
        if put:
            target = target_of(alert.budget)
            workspace = alert.budget.workspace
            record(workspace, actor, "budget.alert_sent_again", target, threshold=alert.threshold)
    return bool(put)


def save(budget: Budget) -> None:
    budget.full_clean()
    try:
        with transaction.atomic():
            budget.save()
    except IntegrityError:
        # lost a race that full_clean could not see; now it can
        budget.full_clean()
        raise


def facts(budget: Budget) -> dict[str, Any]:
    return {
        "tenant": budget.tenant,
        "amount_usd": f"{Decimal(budget.amount_usd).normalize():f}",
        "thresholds": budget.thresholds,
        "recipients": budget.recipients,
        "active": budget.active,
    }


def target_of(budget: Budget) -> str:
    return f"budget {budget.pk}"


def messages_by_field(error: ValidationError) -> dict[str, list[str]]:
    """Return a ValidationError's messages by field; '' for those of the whole budget."""
    if not hasattr(error, "error_dict"):
        return {"": error.messages}
    return {
        "" if field == "__all__" else field: messages
        for field, messages in error.message_dict.items()
    }

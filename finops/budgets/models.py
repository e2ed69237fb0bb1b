"""Budgets and the alerts that were raised for them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, validate_email
from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from finops.accounts.models import User, Workspace
from finops.budgets.evaluate import Terms
from finops.budgets.snapshot import Snapshot

HIGHEST_THRESHOLD = 1000
MOST_THRESHOLDS = 10
MOST_RECIPIENTS = 20


def default_thresholds() -> list[int]:
    return [80, 100]


def check_thresholds(thresholds: Any) -> None:
    """Raise ValidationError unless `thresholds` are ascending whole percentages."""
    if (
        not isinstance(thresholds, list)
        or not all(type(t) is int and 1 <= t <= HIGHEST_THRESHOLD for t in thresholds)
        or thresholds != sorted(set(thresholds))
        or not 1 <= len(thresholds) <= MOST_THRESHOLDS
    ):
        raise ValidationError(
            f"Thresholds are 1 to {MOST_THRESHOLDS} ascending whole percentages from 1 to "
            f"{HIGHEST_THRESHOLD}, such as 80, 100."
        )


def check_recipients(recipients: Any) -> None:
    """Raise ValidationError unless `recipients` are e-mail addresses, each once."""
    if (
        not isinstance(recipients, list)
        or not all(isinstance(address, str) for address in recipients)
        or len({address.lower() for address in recipients}) != len(recipients)
        or not 1 <= len(recipients) <= MOST_RECIPIENTS
    ):
        raise ValidationError(
            f"Recipients are 1 to {MOST_RECIPIENTS} e-mail addresses, none of them twice."
        )
    for address in recipients:
        if not address.isascii():  # not every mail server takes it, and then nobody gets the mail
            raise ValidationError(f"{address!r}: write the address in its ASCII form (xn--...).")
        try:
            validate_email(address)
        except ValidationError:
            raise ValidationError(f"{address!r} is not an e-mail address.") from None


class Budget(models.Model):
    """What a workspace, or one tenant of it, may spend in a calendar month."""

    class PeriodLength(models.TextChoices):
        MONTH = "month", "Calendar month"

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="budgets")
    tenant = models.CharField(max_length=200, blank=True, default="")  # '' = the whole workspace
    # 15 digits are what SQLite keeps exactly.
    amount_usd = models.DecimalField(
        max_digits=15, decimal_places=6, validators=[MinValueValidator(Decimal("0.000001"))]
    )
    period = models.CharField(
        max_length=10, choices=PeriodLength.choices, default=PeriodLength.MONTH
    )
    thresholds = models.JSONField(default=default_thresholds, validators=[check_thresholds])
    recipients = models.JSONField(default=list, validators=[check_recipients])
    active = models.BooleanField(default=True)
    # When amount, tenant, thresholds or the pause last changed: what was spent before the month of
    # that moment is not judged by these terms.
    terms_since = models.DateTimeField(default=now)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "tenant"],
                condition=Q(active=True),
                name="one_active_budget",
                violation_error_code="budget_exists",
                violation_error_message="There is an active budget for this already: change that.",
            ),
            models.CheckConstraint(condition=Q(amount_usd__gt=0), name="budget_is_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.scope_name}: ${self.amount_usd.normalize():f} a {self.period}"

    @property
    def scope_name(self) -> str:
        """Whose money it is, as people say it."""
        return self.tenant or "Whole workspace"

    @property
    def terms(self) -> Terms:
        return Terms(self.amount_usd, tuple(self.thresholds))


class BudgetAlert(models.Model):
    """One threshold crossed in one month: the row is claimed first and sent afterwards.

    A row that stays `claimed` after `retry_at` is sent by whoever finds it, under the same
    Message-ID. `snapshot` holds what the mail says, so that a retry says the same.
    """

    class State(models.TextChoices):
        CLAIMED = "claimed", "Waiting to be sent"
        SENT = "sent", "Sent"
        OUTBOX = "outbox", "Written to the outbox"
        FAILED = "failed", "Not sent"
        SUPERSEDED = "superseded", "Covered by a higher threshold"
        WITHDRAWN = "withdrawn", "Withdrawn: the budget was changed"

    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="alerts")
    period_start = models.DateField()  # the first day of the month in the workspace's time zone
    threshold = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.CLAIMED)
    amount_usd = models.DecimalField(max_digits=15, decimal_places=6)
    snapshot = models.JSONField()
    message_id = models.CharField(max_length=200)
    claimed_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True, default="")
    rearmed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            # A row that was armed anew stays as history and leaves its place to the next one.
            models.UniqueConstraint(
                fields=["budget", "period_start", "threshold"],
                condition=Q(rearmed_at=None),
                name="one_alert_per_threshold",
            ),
        ]
        indexes = [
            models.Index(fields=["retry_at"], condition=Q(state="claimed"), name="alerts_to_send"),
        ]

    def __str__(self) -> str:
        return f"{self.threshold} % of {self.budget}, {self.period_start:%Y-%m}: {self.state}"

    @property
    def known(self) -> Snapshot:
        """What was known when the row was claimed."""
        return Snapshot.from_json(self.snapshot)

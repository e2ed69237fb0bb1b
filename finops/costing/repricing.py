"""The tables of repricing: what was or will be priced anew, closed months, doubts."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from finops.accounts.models import User, Workspace


class Repricing(models.Model):
    """Calls of one workspace in [start, end) are to be priced by the rates as they are now.

    It is its own audit: who caused it and why, the rate versions before and after, how many charges
    were written, and what each tenant's months cost before and after.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        REFUSED = "refused", "Refused"
        FAILED = "failed", "Failed"

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="repricings")
    start = models.DateTimeField()
    end = models.DateTimeField()
    cause = models.CharField(max_length=200)
    who = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True)
    key = models.CharField(max_length=50, blank=True)
    why = models.CharField(max_length=500, blank=True)
    # Closed months are priced anew, too.
    forced = models.BooleanField(default=False)
    # Every charge of the range is written again, not only where a rate differs.
    whole = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    problem = models.CharField(max_length=300, blank=True)
    # Months that were left as they are, because they are closed: ["2026-09"].
    left_out = models.JSONField(default=list)
    old_versions = models.JSONField(default=list)
    new_version = models.PositiveIntegerField(null=True)
    rows = models.PositiveBigIntegerField(default=0)
    # [{"tenant", "month", "old_usd", "new_usd", "difference_usd"}], where they differ.
    differences = models.JSONField(default=list)
    # How far a run got, and what its portion cost before: a run that died goes on from here.
    done_to = models.DateTimeField(null=True)
    portion = models.JSONField(null=True)
    created_at = models.DateTimeField(default=now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "costing"
        indexes = [models.Index(fields=["workspace", "-id"], name="repricing_by_workspace")]

    def __str__(self) -> str:
        return f"repricing {self.pk} of {self.workspace}: {self.start:%Y-%m-%d}–{self.end:%Y-%m-%d}"


class ClosedMonth(models.Model):
    """A month, in UTC, whose costs were reported: no repricing changes it unless forced.

    Reopening keeps the row; the month may then be closed anew.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="closed_months")
    month = models.DateField()  # its first day
    who = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    why = models.CharField(max_length=500, blank=True)
    closed_at = models.DateTimeField(default=now)
    calls = models.PositiveBigIntegerField()
    cost_usd = models.DecimalField(max_digits=38, decimal_places=12)
    # {tenant: USD as text}
    by_tenant = models.JSONField(default=dict)
    reopened_at = models.DateTimeField(null=True)
    reopened_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    reopened_why = models.CharField(max_length=500, blank=True)

    class Meta:
        app_label = "costing"
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "month"],
                condition=Q(reopened_at=None),
                name="month_closed_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} of {self.workspace}"


class LedgerDoubt(models.Model):
    """From when to when sums and charges of a workspace disagreed; it is told once."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="ledger_doubts")
    opened_at = models.DateTimeField()
    start = models.DateTimeField()
    end = models.DateTimeField()
    # What differed when it was found: the mismatches of a ReconcileRun, of this workspace.
    mismatches = models.JSONField(default=list)
    told_at = models.DateTimeField(null=True)
    cleared_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "costing"
        constraints = [
            models.UniqueConstraint(
                fields=["workspace"], condition=Q(cleared_at=None), name="one_open_doubt"
            )
        ]

    def __str__(self) -> str:
        return f"{self.workspace} from {self.opened_at:%Y-%m-%d %H:%M}"

"""What the jobs of costing keep in the relational database."""

from __future__ import annotations

from django.db import models

from finops.costing.repricing import ClosedMonth, LedgerDoubt, Repricing

__all__ = ["ClosedMonth", "JobLease", "LedgerDoubt", "ReconcileRun", "Repricing"]


class JobLease(models.Model):
    """Who runs a job now. `version` grows with every holder and fences off the ones before."""

    name = models.CharField(max_length=50, unique=True)
    version = models.PositiveBigIntegerField(default=0)
    holder = models.CharField(max_length=100, blank=True)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class ReconcileRun(models.Model):
    """One comparison of calls, charges and rollup over whole hours."""

    at = models.DateTimeField(db_index=True)
    start = models.DateTimeField()
    end = models.DateTimeField()
    hours = models.PositiveIntegerField(default=0)
    calls = models.PositiveBigIntegerField(default=0)
    cost_usd = models.DecimalField(max_digits=38, decimal_places=12)
    ok = models.BooleanField()
    # At most a handful: workspace, hour, and the numbers that should be the same.
    mismatches = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {'ok' if self.ok else 'mismatch'}"

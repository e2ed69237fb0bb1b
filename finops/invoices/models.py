"""An invoice as it was handed in: file, who, when, what it covers; its lines are in ClickHouse."""

from __future__ import annotations

from django.db import models
from django.utils.timezone import now

from finops.accounts.models import User, Workspace


class Invoice(models.Model):
    """One import. The same file again is the same invoice, with a newer version."""

    class State(models.TextChoices):
        DRAFT = "draft", "Waits for a yes"
        IMPORTING = "importing", "Being taken in"
        IMPORTED = "imported", "Taken in"

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="invoices")
    name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.PositiveBigIntegerField()
    format = models.CharField(max_length=40)
    account = models.CharField(max_length=200, blank=True)
    mapping = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    first_day = models.DateField(null=True, blank=True)
    last_day = models.DateField(null=True, blank=True)
    lines = models.PositiveIntegerField(default=0)
    # currency -> sum as a decimal text; JSON numbers and SQLite's are floats
    totals = models.JSONField(default=dict)
    notes = models.JSONField(default=list)
    # Newer versions of a day's lines go before older ones; from one clock for the workspace.
    version = models.PositiveBigIntegerField(default=0)
    # The file itself, gzip, while a draft waits for its yes.
    content = models.BinaryField(null=True, blank=True)
    who = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(default=now)
    imported_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["workspace", "-created_at"], name="invoices_by_time")]

    def __str__(self) -> str:
        return f"invoice {self.pk}: {self.name}"

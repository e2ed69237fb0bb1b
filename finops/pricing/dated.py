"""What is agreed from one moment until another, and by whom."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from finops.accounts.models import User


class Dated(models.Model):
    """Holds in [valid_from, valid_to), for ever without an end; says who agreed it and why."""

    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True, blank=True)
    who = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True)
    why = models.CharField(max_length=500)
    created_at = models.DateTimeField(default=now)

    class Meta:
        abstract = True


def overlapping(row: Any, among: models.QuerySet[Any, Any]) -> models.QuerySet[Any, Any]:
    """Return the others that hold at some moment of the row's time."""
    later = Q(valid_to=None) | Q(valid_to__gt=row.valid_from)
    before = [Q(valid_from__lt=row.valid_to)] if row.valid_to else []
    return among.filter(later, *before).exclude(pk=row.pk)

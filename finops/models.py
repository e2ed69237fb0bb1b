"""What the processes tell of themselves."""

from __future__ import annotations

from django.db import models


class Heartbeat(models.Model):
    """When a named part last did its work; /healthz reads it."""

    name = models.CharField(max_length=50, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%Y-%m-%d %H:%M:%S}"

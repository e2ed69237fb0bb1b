"""What the processes tell of themselves."""

from __future__ import annotations

from django.db import models


class Heartbeat(models.Model):
    """When a named part last did its work; /healthz reads it."""

    name = models.CharField(max_length=50, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%Y-%m-%d %H:%M:%S}"


class Refusal(models.Model):
    """What the collector didn't take from a workspace in an hour, by signal and reason.

    `number` counts requests, or for the reason `rejected` the single spans or points that were left
    out of requests which were taken. `message` is what the last sender was told.
    """

    workspace = models.ForeignKey("accounts.Workspace", on_delete=models.CASCADE)
    hour = models.DateTimeField()
    signal = models.CharField(max_length=20)
    reason = models.CharField(max_length=40)
    number = models.PositiveBigIntegerField(default=0)
    message = models.CharField(max_length=300)
    last_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=("workspace", "hour", "signal", "reason"), name="one_refusal_row_an_hour"
            )
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.signal} {self.reason} at {self.hour:%Y-%m-%d %H}"

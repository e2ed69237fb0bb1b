"""What was played, so that a second start doesn't play it again and a cut-off one goes on."""

from __future__ import annotations

from django.db import models
from django.utils.timezone import now

from finops.accounts.models import Workspace


class DemoPlay(models.Model):
    """One play of recorded traffic into a workspace.

    Seed and `ends_at` fix all that is drawn, so a play that was cut off goes on where it stopped.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="demo_plays")
    token = models.CharField(max_length=16, unique=True)  # what its request ids start with
    traffic = models.CharField(max_length=500)  # "shipped" or the path of a trace
    requests_wanted = models.PositiveIntegerField()
    seed = models.BigIntegerField()
    ends_at = models.DateTimeField()
    requests_sent = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(default=now)
    delivered_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.traffic} into {self.workspace}"

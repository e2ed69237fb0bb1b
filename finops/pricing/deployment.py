"""What a deployment is: a name of a workspace's own, and the model that runs behind it."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.timezone import now

from finops.accounts.models import User, Workspace


class Deployment(models.Model):
    """Calls name `name`; the provider bills `model`, from one moment until another.

    Azure, Bedrock and gateways let a customer choose the name, so only the workspace can say which
    model it is. `model_provider` is empty where the same provider lists the model.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="deployments")
    provider = models.CharField(max_length=100, blank=True)
    name = models.CharField(max_length=200)
    model_provider = models.CharField(max_length=100, blank=True)
    model = models.CharField(max_length=200)
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True, blank=True)
    who = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True)
    why = models.CharField(max_length=500)
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")),
                name="deployment_ends_after_it_starts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider}/{self.name} of {self.workspace}"

    def clean(self) -> None:
        """Refuse an end before the start, and two models behind one name at one moment."""
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise ValidationError({"valid_to": "The end has to be after the start."})
        later = Q(valid_to=None) | Q(valid_to__gt=self.valid_from)
        before = [Q(valid_from__lt=self.valid_to)] if self.valid_to else []
        rival = (
            Deployment.objects.filter(
                later, *before, workspace=self.workspace, provider=self.provider, name=self.name
            )
            .exclude(pk=self.pk)
            .first()
        )
        if rival is not None:
            raise ValidationError(
                f"Deployment {rival.pk} already says that this is {rival.model} from "
                f"{rival.valid_from:%Y-%m-%d %H:%M} UTC: end it first, or choose other dates.",
                code="deployment_overlaps",
            )

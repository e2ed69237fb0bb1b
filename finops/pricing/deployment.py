"""What a deployment is: a name of a workspace's own, and the model that runs behind it."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from finops.accounts.models import Workspace
from finops.pricing.dated import Dated, overlapping


class Deployment(Dated):
    """Calls name `name`; the provider bills `model`, from one moment until another.

    Azure, Bedrock and gateways let a customer choose the name, so only the workspace can say which
    model it is. `model_provider` is empty where the same provider lists the model.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="deployments")
    provider = models.CharField(max_length=100, blank=True)
    name = models.CharField(max_length=200)
    model_provider = models.CharField(max_length=100, blank=True)
    model = models.CharField(max_length=200)

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
        named = Deployment.objects.filter(
            workspace=self.workspace, provider=self.provider, name=self.name
        )
        rival = overlapping(self, named).first()
        if rival is not None:
            raise ValidationError(
                f"Deployment {rival.pk} already says that this is {rival.model} from "
                f"{rival.valid_from:%Y-%m-%d %H:%M} UTC: end it first, or choose other dates.",
                code="deployment_overlaps",
            )

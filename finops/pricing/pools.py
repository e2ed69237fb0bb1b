"""GPU pools: machines that serve models, owned or rented whole, and the GPUs in them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.timezone import now

from finops.accounts.models import User, Workspace
from finops.pricing.dated import Dated, overlapping

MAX_NAMES = 200
MAX_NAME = 200
MAX_GPUS = 1_000_000
EARLIEST = datetime(2000, 1, 2, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)


class Sharing(models.TextChoices):
    """How the busy part of a pool's bill is shared out."""

    PROPORTIONAL = "proportional", "By what each used"
    UNIFORM = "uniform", "In equal parts by tenant"


def check_names(names: Any) -> None:
    """Refuse what isn't a list of short texts."""
    if not isinstance(names, list) or len(names) > MAX_NAMES:
        raise ValidationError(f"Give a list of at most {MAX_NAMES} names.")
    for name in names:
        if not isinstance(name, str) or not name.strip() or len(name) > MAX_NAME or "\x00" in name:
            raise ValidationError(f"A name has 1 to {MAX_NAME} characters.")


def names_field(help_text: str) -> models.JSONField[Any, Any]:
    return models.JSONField(default=list, blank=True, validators=[check_names], help_text=help_text)


class GpuPool(models.Model):
    """GPUs that are paid for together and serve the same models.

    Names of models, providers and hosts may hold * and ?; capital letters don't matter. A call runs
    on the pool if its model is one of `serves` and it has no price of its own, or its provider is
    an inference server. An empty `serves` takes every call of an inference server.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="gpu_pools")
    name = models.CharField(max_length=100)
    serves = names_field("Models that run on it.")
    providers = names_field("Providers that stand for it, beside vllm, sglang and the like.")
    tenants = names_field("Whose calls run on it; empty: everybody's.")
    sharing = models.CharField(max_length=12, choices=Sharing.choices, default=Sharing.PROPORTIONAL)
    overhead_percent = models.DecimalField(
        max_digits=7,
        decimal_places=4,
        default=Decimal(0),
        validators=[MinValueValidator(0), MaxValueValidator(1000)],
    )
    who = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True)
    why = models.CharField(max_length=500)
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], name="one_pool_of_a_name"),
        ]

    def __str__(self) -> str:
        return f"GPU pool {self.name} of {self.workspace}"

    def clean(self) -> None:
        """Refuse a name that can't be told from another, and sharing among nobody."""
        self.name = self.name.strip()
        if not self.name or "\x00" in self.name:
            raise ValidationError({"name": "A pool needs a name."})


class GpuMembership(Dated):
    """Which GPUs belong to a pool, and how many are paid for, from one moment until another.

    `gpus` None: as many as report, for pools that grow and shrink; then a silent host can't be
    known. A GPU belongs to it if it matches each list that isn't empty; with three empty lists, if
    its label `pool` is the pool's name.
    """

    pool = models.ForeignKey(GpuPool, on_delete=models.CASCADE, related_name="memberships")
    gpus = models.PositiveIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(MAX_GPUS)]
    )
    labels = names_field("Values of the label `pool` of samples.")
    hosts = names_field("Hosts, as node-* or node-7.")
    gpu_models = names_field("Models of GPUs, as *H100*.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")),
                name="membership_ends_after_it_starts",
            ),
        ]

    def __str__(self) -> str:
        return f"{'as many as report' if self.gpus is None else self.gpus} in {self.pool.name}"

    def clean(self) -> None:
        """Refuse an end before the start, and two memberships at one moment."""
        check_dates(self)
        rival = overlapping(self, GpuMembership.objects.filter(pool=self.pool)).first()
        if rival is not None:
            raise ValidationError(
                f"The pool's GPUs are already set from {rival.valid_from:%Y-%m-%d %H:%M} UTC: "
                "end that first, or choose other dates.",
                code="membership_overlaps",
            )


def check_dates(row: Any) -> None:
    """Refuse an end that isn't after the start, and fractions of a second, which no bill has."""
    for field in ("valid_from", "valid_to"):
        moment = getattr(row, field)
        if moment is not None:
            if not EARLIEST <= moment < LATEST:
                raise ValidationError({field: "A date lies between the years 2000 and 2100."})
            setattr(row, field, moment.replace(microsecond=0))
    if row.valid_to is not None and row.valid_to <= row.valid_from:
        raise ValidationError({"valid_to": "The end has to be after the start."})

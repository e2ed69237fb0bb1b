"""A promise to spend: so many USD with a provider in a term, for a discount while the term runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.timezone import now

from finops.accounts.models import User, Workspace

EVERYTHING = "*"
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LONGEST_TERM = timedelta(days=3653)


class SpendCommitment(models.Model):
    """So many USD are promised to a provider (or to all, '*') between two moments.

    The discount comes off list prices for every call that starts in the term, from its first
    moment on and whatever was spent so far. So what a call costs never depends on other calls.
    Whoever spends less than promised owes the rest at the end of the term.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="commitments")
    provider = models.CharField(max_length=100)
    committed_usd = models.DecimalField(
        max_digits=20, decimal_places=2, validators=[MinValueValidator(Decimal("0.01"))]
    )
    discount_percent = models.DecimalField(
        max_digits=7,
        decimal_places=4,
        default=Decimal(0),
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    # Whether the discount also comes off contract rates and other discounts, as that of AWS does.
    on_contract_rates = models.BooleanField(default=False)
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField()
    who = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True)
    why = models.CharField(max_length=500)
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_to__gt=F("valid_from")), name="commitment_ends_after_it_starts"
            ),
        ]

    def __str__(self) -> str:
        return f"${self.committed_usd:,.2f} to {self.provider} by {self.workspace}"

    def clean(self) -> None:
        """Refuse a term that ends before it starts, or that overlaps another of the provider."""
        if self.valid_to <= self.valid_from:
            raise ValidationError({"valid_to": "The end has to be after the start."})
        if self.valid_from < EARLIEST or self.valid_to - self.valid_from > LONGEST_TERM:
            raise ValidationError(
                {"valid_from": "A term starts after 2000 and lasts at most 10 years."}
            )
        rival = (
            SpendCommitment.objects.filter(
                workspace=self.workspace,
                provider=self.provider,
                valid_from__lt=self.valid_to,
                valid_to__gt=self.valid_from,
            )
            .exclude(pk=self.pk)
            .first()
        )
        if rival is not None:
            raise ValidationError(
                f"Commitment {rival.pk} already runs from {rival.valid_from:%Y-%m-%d %H:%M} to "
                f"{rival.valid_to:%Y-%m-%d %H:%M} UTC: end it first, or choose other dates.",
                code="commitment_overlaps",
            )

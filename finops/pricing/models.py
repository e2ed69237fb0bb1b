"""Published rate versions, and the prices that a workspace has agreed with a provider."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.timezone import now

from finops.accounts.models import Workspace
from finops.pricing.dated import Dated, overlapping
from finops.pricing.deployment import Deployment
from finops.pricing.exchange_rate import DisplayCurrency, ExchangeRate
from finops.pricing.gpu_price import GpuPrice
from finops.pricing.pools import GpuMembership, GpuPool
from finops.pricing.rate import BUCKETS, SOLD
from finops.pricing.spend_commitment import SpendCommitment
from finops.pricing.stored_catalogue import CatalogueAdoption, StoredCatalogue

__all__ = [
    "CatalogueAdoption",
    "Deployment",
    "DisplayCurrency",
    "ExchangeRate",
    "GpuMembership",
    "GpuPool",
    "GpuPrice",
    "RateOverride",
    "RateVersion",
    "SpendCommitment",
    "StoredCatalogue",
    "Tier",
]

MAX_USD_PER_MILLION = 1_000_000


class RateVersion(models.Model):
    """A set of rates as the charge job used it; complete once `published_at` is there."""

    number = models.PositiveIntegerField(unique=True)
    catalogue_version = models.CharField(max_length=50)  # such as genai-prices 0.2.3
    catalogue_sha256 = models.CharField(max_length=64)
    overrides_sha256 = models.CharField(max_length=64)
    compiler = models.PositiveIntegerField()
    rows = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=now)
    published_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"rates {self.number}"


class Tier(models.TextChoices):
    """Which processing an override is for."""

    ANY = "any", "Every tier"
    STANDARD = "", "Standard"
    BATCH = "batch", "Batch"
    FLEX = "flex", "Flex"
    PRIORITY = "priority", "Priority"
    FAST = "fast", "Fast"


def price_field() -> models.DecimalField[Any, Any]:
    return models.DecimalField(
        max_digits=19,
        decimal_places=12,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(MAX_USD_PER_MILLION)],
    )


def check_uses(uses: Any) -> None:
    """Raise ValidationError unless `uses` maps names of SOLD to amounts of USD as text."""
    if not isinstance(uses, dict) or not uses.keys() <= set(SOLD):
        raise ValidationError({"uses_usd": f"What is billed by use is one of {', '.join(SOLD)}."})
    for usd in uses.values():
        try:
            fits = 0 <= Decimal(usd) <= MAX_USD_PER_MILLION
        except (ArithmeticError, TypeError, ValueError):
            fits = False
        if not fits:
            raise ValidationError(
                {"uses_usd": f"A price is a number from 0 to {MAX_USD_PER_MILLION}."}
            )


class RateOverride(Dated):
    """A contract: prices in USD per million tokens (or per call), or a percentage off the list.

    A bucket without a price stays at list price. Model and provider may be named as calls name
    them; a model that the catalogue doesn't know becomes one that it does, for this workspace.
    The model '*' is every model of the provider, with the provider '*' every model of all; only a
    discount can be so wide.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="overrides")
    provider = models.CharField(max_length=100, blank=True)
    model = models.CharField(max_length=200)
    service_tier = models.CharField(
        max_length=10, choices=Tier.choices, default=Tier.ANY, blank=True
    )
    # As calls name it, such as eu-west-1; '' is every region.
    region = models.CharField(max_length=100, default="", blank=True)
    input_usd = price_field()
    cache_read_usd = price_field()
    cache_write_5m_usd = price_field()
    cache_write_1h_usd = price_field()
    output_usd = price_field()
    reasoning_usd = price_field()
    audio_in_usd = price_field()
    audio_out_usd = price_field()
    image_in_usd = price_field()
    image_out_usd = price_field()
    call_usd = price_field()
    # USD for one of what is sold by use, as text of a decimal number, by the names of rate.SOLD.
    uses_usd = models.JSONField(default=dict, blank=True)
    discount_percent = models.DecimalField(
        max_digits=7,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")),
                name="override_ends_after_it_starts",
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "provider", "model"], name="override_by_model")
        ]

    def __str__(self) -> str:
        return f"{self.provider}/{self.model} for {self.workspace}"

    @property
    def named_prices(self) -> dict[str, Any]:
        """The prices that the contract names, by bucket; fees by use are in `uses_usd`."""
        prices = {bucket: getattr(self, f"{bucket}_usd") for bucket in BUCKETS}
        return {bucket: price for bucket, price in prices.items() if price is not None}

    def clean(self) -> None:
        """Refuse what contradicts itself or another override of the same model and tier."""
        priced = bool(self.named_prices or self.uses_usd)
        if priced == (self.discount_percent is not None):
            raise ValidationError("Give prices or a discount, and not both.")
        if priced and "*" in (self.provider, self.model):
            raise ValidationError("A price is for one model; '*' takes a discount.")
        if self.provider == "*" and self.model != "*":
            raise ValidationError({"model": "With every provider goes every model: '*'."})
        check_uses(self.uses_usd)
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise ValidationError({"valid_to": "The end has to be after the start."})
        rival = self.rivals.first()
        if rival is not None:
            raise ValidationError(
                f"Override {rival.pk} already sets this model's price from "
                f"{rival.valid_from:%Y-%m-%d %H:%M} UTC: end it first, or choose other dates.",
                code="override_overlaps",
            )

    @property
    def rivals(self) -> models.QuerySet[RateOverride, RateOverride]:
        """Others that set the same price at some moment of this one's time."""
        same = RateOverride.objects.filter(
            workspace=self.workspace,
            provider=self.provider,
            model=self.model,
            region=self.region,
        )
        if self.service_tier != Tier.ANY:
            same = same.filter(service_tier__in=[self.service_tier, Tier.ANY])
        return overlapping(self, same)

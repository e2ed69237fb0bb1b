"""What the GPUs of a pool cost: rented by the hour, or bought and written off."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from finops.pricing.dated import Dated, overlapping
from finops.pricing.pools import MAX_GPUS, GpuPool, check_dates

RENTED = ("usd_per_gpu_hour",)
OWNED = ("purchase_usd", "salvage_usd", "months", "hosting_usd_per_gpu_hour")
MAX_MONTHS = 240


class Kind(models.TextChoices):
    """How a pool's GPUs are paid for."""

    ON_DEMAND = "on_demand", "On demand"
    RESERVED = "reserved", "Reserved"
    SPOT = "spot", "Spot"
    OWNED = "owned", "Owned"


def money(places: int = 12, most: int = 1_000_000, **options: Any) -> models.DecimalField[Any, Any]:
    return models.DecimalField(
        max_digits=len(str(most)) + places,
        decimal_places=places,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(most)],
        **options,
    )


def plain(number: Decimal) -> str:
    """A decimal without idle zeros."""
    return f"{number.normalize():f}"


def in_cents(usd: Decimal) -> str:
    """USD with two places, or as many as it has."""
    cents = usd.quantize(Decimal("0.01"))
    return f"{cents if cents == usd else plain(usd)}"


class GpuPrice(Dated):
    """The price of a pool's GPUs, or of `gpus` of them, from one moment until another.

    One price at a time may leave `gpus` open: it is for the GPUs that no other price covers. Prices
    with a number are paid in full, used or not: so a pool can have 8 reserved GPUs and the rest on
    demand. Rented: USD per GPU-hour. Owned: `purchase_usd` for all of them, written off in equal
    parts over `months` from `valid_from` down to `salvage_usd`; hosting by the GPU-hour. Energy, if
    there is a tariff: measured kWh x PUE x tariff.
    """

    pool = models.ForeignKey(GpuPool, on_delete=models.CASCADE, related_name="prices")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    gpus = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(MAX_GPUS)]
    )
    usd_per_gpu_hour = money()
    purchase_usd = money(2, 10**12)
    salvage_usd = money(2, 10**12)
    months = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(MAX_MONTHS)]
    )
    hosting_usd_per_gpu_hour = money()
    usd_per_kwh = money()
    pue = models.DecimalField(
        max_digits=6,
        decimal_places=4,
        default=Decimal(1),
        validators=[MinValueValidator(1), MaxValueValidator(10)],
    )
    gco2e_per_kwh = money(4, 100_000)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")),
                name="gpu_price_ends_after_it_starts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} price of {self.pool.name}"

    @property
    def terms(self) -> str:
        """The price in words: on demand $2.49 per GPU-hour, PUE 1.2."""
        said = [self.get_kind_display()]
        if self.kind == Kind.OWNED:
            said[0] += f", ${self.purchase_usd:,.2f} over {self.months} months"
            if self.salvage_usd:
                said.append(f"worth ${self.salvage_usd:,.2f} then")
        elif self.usd_per_gpu_hour is not None:
            said[0] += f", ${in_cents(self.usd_per_gpu_hour)} per GPU-hour"
        for amount, words in (
            (self.hosting_usd_per_gpu_hour, "hosting ${} per GPU-hour"),
            (self.usd_per_kwh, "energy ${} per kWh"),
            (self.pue if self.pue != 1 else None, "PUE {}"),
            (self.gco2e_per_kwh, "{} g CO2e per kWh"),
        ):
            if amount is not None:
                said.append(words.format(plain(amount)))
        return "; ".join(said)

    def clean(self) -> None:
        """Refuse what the kind lacks or can't have, and two open prices at one moment."""
        check_dates(self)
        owned = self.kind == Kind.OWNED
        needed = ("purchase_usd", "months") if owned else RENTED
        for field in needed:
            if getattr(self, field) is None:
                raise ValidationError({field: f"A price of the kind {self.kind} needs this."})
        for field in RENTED if owned else OWNED:
            if getattr(self, field) is not None:
                raise ValidationError({field: f"A price of the kind {self.kind} has none."})
        if owned and (self.salvage_usd or 0) > (self.purchase_usd or 0):
            raise ValidationError({"salvage_usd": "It can't be worth more than it cost."})
        if self.gpus is None:
            self.refuse_second_open()

    def refuse_second_open(self) -> None:
        others = GpuPrice.objects.filter(pool=self.pool, gpus=None)
        rival = overlapping(self, others).first()
        if rival is not None:
            raise ValidationError(
                f"Price {rival.pk} is already for all other GPUs from "
                f"{rival.valid_from:%Y-%m-%d %H:%M} UTC: end it first, choose other dates, or say "
                "for how many GPUs this one is.",
                code="gpu_price_overlaps",
            )

"""The currency that a workspace reads, and what a dollar was worth on a day."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.timezone import now

from finops.accounts.models import User, Workspace

MAX_PER_USD = 10_000_000
code_of_currency = RegexValidator(
    r"^[A-Z]{3}\Z", "A currency is three letters of ISO 4217, such as EUR."
)


class ExchangeRate(models.Model):
    """1 USD = `per_usd` of a currency, from a day (UTC) until the next day with a rate."""

    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="exchange_rates"
    )
    currency = models.CharField(max_length=3, validators=[code_of_currency])
    day = models.DateField()
    per_usd = models.DecimalField(
        max_digits=20,
        decimal_places=10,
        validators=[MinValueValidator(Decimal("1e-10")), MaxValueValidator(MAX_PER_USD)],
    )
    who = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True)
    why = models.CharField(max_length=500)
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "currency", "day"], name="one_exchange_rate_a_day"
            ),
        ]

    def __str__(self) -> str:
        return f"1 USD = {self.per_usd.normalize():f} {self.currency} from {self.day}"


class DisplayCurrency(models.Model):
    """What a workspace's pages show money in; the ledger itself stays in USD."""

    workspace = models.OneToOneField(
        Workspace, on_delete=models.CASCADE, related_name="display_currency"
    )
    currency = models.CharField(max_length=3, default="USD", validators=[code_of_currency])

    def __str__(self) -> str:
        return f"{self.workspace} reads {self.currency}"

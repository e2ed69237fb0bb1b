"""How a contract rate looks on the wire, and what may be sent to agree or end one."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from finops.api.unit_cost_body import UsdField, time_text, usd_text
from finops.pricing.models import MAX_USD_PER_MILLION, RateOverride, Tier
from finops.pricing.rate import SOLD
from finops.pricing.terms import PRICES, TIERS, tier_of, uses_of


def price_help(name: str) -> str:
    unit = "USD per call" if name == "call_usd" else "USD per million tokens"
    return f"{unit}; left out: the list price."


class RateOverrideSerializer(serializers.Serializer[Any]):
    """A contract: its prices or its discount go before the list for one model."""

    id = serializers.IntegerField()
    provider = serializers.CharField(allow_blank=True, help_text="As the price list names it.")
    model = serializers.CharField()
    service_tier = serializers.ChoiceField(choices=TIERS)
    region = serializers.CharField(allow_blank=True, help_text="Empty: every region.")
    uses_usd = serializers.DictField(
        child=UsdField("USD for one."), help_text="By use; left out: the list price."
    )
    discount_percent = serializers.RegexField(r"^\d+\.\d{4}$", allow_null=True)
    valid_from = serializers.DateTimeField(help_text="Of the call's start; part of it.")
    valid_to = serializers.DateTimeField(allow_null=True, help_text="Not part; null: no end.")
    why = serializers.CharField()
    who = serializers.EmailField(allow_null=True, help_text="Null: a key or the command line.")
    created_at = serializers.DateTimeField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add a price for each bucket."""
        prices = {name: UsdField(price_help(name)) for name in PRICES.values()}
        return {**super().get_fields(), **prices}


class RateOverridesSerializer(serializers.Serializer[Any]):
    """All contract rates of the workspace, by provider and model."""

    rate_overrides = RateOverrideSerializer(many=True)


class NewRateOverrideSerializer(serializers.Serializer[Any]):
    """What a contract rate takes: prices, or a discount."""

    provider = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=100,
        help_text="As calls or the list name it; '*' is every provider, for a discount.",
    )
    model = serializers.CharField(
        max_length=200,
        help_text="As calls or the list name it; '*' is every model, for a discount.",
    )
    service_tier = serializers.ChoiceField(choices=TIERS, default=Tier.ANY.value)
    region = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=100,
        help_text="As calls name it; left out: every region.",
    )
    uses_usd = serializers.DictField(
        child=serializers.DecimalField(
            max_digits=19,
            decimal_places=12,
            min_value=Decimal(0),
            max_value=Decimal(MAX_USD_PER_MILLION),
        ),
        required=False,
        help_text=f"USD for one, by use: {', '.join(SOLD)}.",
    )
    discount_percent = serializers.DecimalField(
        max_digits=7,
        decimal_places=4,
        required=False,
        allow_null=True,
        min_value=Decimal(0),
        max_value=Decimal(100),
        help_text="Off every list price.",
    )
    valid_from = serializers.DateTimeField(default_timezone=UTC)
    valid_to = serializers.DateTimeField(default_timezone=UTC, required=False, allow_null=True)
    why = serializers.CharField(max_length=500, help_text="Such as the contract's number.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add a price for each bucket."""
        prices = {
            name: serializers.DecimalField(
                max_digits=19,
                decimal_places=12,
                required=False,
                allow_null=True,
                min_value=Decimal(0),
                max_value=Decimal(MAX_USD_PER_MILLION),
                help_text=price_help(name),
            )
            for name in PRICES.values()
        }
        return {**super().get_fields(), **prices}


class RateOverrideEndSerializer(serializers.Serializer[Any]):
    """When a contract rate ends."""

    valid_to = serializers.DateTimeField(
        default_timezone=UTC, help_text="The first moment at other prices."
    )


def rate_override_body(override: RateOverride) -> dict[str, Any]:
    percent = override.discount_percent
    return {
        "id": override.pk,
        "provider": override.provider,
        "model": override.model,
        "service_tier": tier_of(override),
        "region": override.region,
        "uses_usd": {name: usd_text(usd) for name, usd in uses_of(override).items()},
        "discount_percent": None if percent is None else f"{percent:.4f}",
        "valid_from": time_text(override.valid_from),
        "valid_to": time_text(override.valid_to) if override.valid_to else None,
        "why": override.why,
        "who": override.who.email if override.who else None,
        "created_at": time_text(override.created_at),
        **{name: usd_text(getattr(override, column)) for column, name in PRICES.items()},
    }

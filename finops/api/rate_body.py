"""How rates and their changes look on the wire: exact prices as strings, each with its unit."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from finops.api.unit_cost_body import time_text
from finops.pricing.catalogue import PACKAGE
from finops.pricing.difference import Change
from finops.pricing.meters import METERS, quoted_prices
from finops.pricing.rate import ANY_SIZE, BEGINNING, DAY_S, FOREVER, Rate
from finops.pricing.terms import STANDARD


class PriceSerializer(serializers.Serializer[Any]):
    """What so much of one meter costs."""

    meter = serializers.ChoiceField(choices=tuple(METERS))
    unit = serializers.CharField(help_text="What the price is for, such as `1M tokens`.")
    usd = serializers.CharField(help_text="An exact decimal number.")


class ConditionsSerializer(serializers.Serializer[Any]):
    """When and for which calls a price holds; null: without a bound."""

    provider = serializers.CharField()
    model = serializers.CharField()
    service_tier = serializers.CharField()
    region = serializers.CharField(help_text="Empty: everywhere.")
    context_above = serializers.IntegerField(help_text="Tokens in, cached ones included.")
    context_upto = serializers.IntegerField(allow_null=True)
    daily_from_s = serializers.IntegerField(help_text="Second of the UTC day.")
    daily_to_s = serializers.IntegerField()
    valid_from = serializers.DateTimeField(allow_null=True)
    valid_to = serializers.DateTimeField(allow_null=True, help_text="Not part of it.")


class RateSerializer(ConditionsSerializer):
    """One rate: all prices of a model under the same conditions."""

    source = serializers.CharField(help_text="What set it.")  # type: ignore[assignment]
    own = serializers.BooleanField(help_text="Agreed by this workspace, not the list price.")
    prices = PriceSerializer(many=True)


class ChangeSerializer(ConditionsSerializer):
    """One price that differs between two sides."""

    meter = serializers.ChoiceField(choices=tuple(METERS))
    unit = serializers.CharField()
    kind = serializers.ChoiceField(choices=("added", "removed", "changed"))
    old_usd = serializers.CharField(allow_null=True)
    new_usd = serializers.CharField(allow_null=True)
    percent = serializers.CharField(allow_null=True)


def rate_body(rate: Rate) -> dict[str, Any]:
    return {
        **conditions_body(rate),
        "source": rate.source,
        "own": is_own(rate),
        "prices": [
            {"meter": meter, "unit": METERS[meter].unit, "usd": decimal_text(usd)}
            for meter, usd in quoted_prices(rate)
        ],
    }


def is_own(rate: Rate) -> bool:
    """Say whether something was agreed; a workspace's timeline holds list prices beside it."""
    return bool(rate.workspace_id) and rate.source != PACKAGE


def change_body(change: Change) -> dict[str, Any]:
    return {
        **conditions_body(change),
        "meter": change.meter,
        "unit": METERS[change.meter].unit,
        "kind": change.kind,
        "old_usd": decimal_text(change.old),
        "new_usd": decimal_text(change.new),
        "percent": None if change.percent is None else str(change.percent),
    }


def conditions_body(one: Rate | Change) -> dict[str, Any]:
    return {
        "provider": one.provider,
        "model": one.model,
        "service_tier": one.service_tier or STANDARD,
        "region": one.region,
        "context_above": one.context_above,
        "context_upto": None if one.context_upto >= ANY_SIZE else one.context_upto,
        "daily_from_s": one.daily_from_s,
        "daily_to_s": min(one.daily_to_s, DAY_S),
        "valid_from": bound(one.valid_from),
        "valid_to": bound(one.valid_to),
    }


def bound(moment: datetime) -> str | None:
    return time_text(moment) if BEGINNING < moment < FOREVER else None


def decimal_text(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount.normalize():f}"

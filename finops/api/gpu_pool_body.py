"""How a GPU pool looks on the wire, and what may be sent to set one up or change it."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from finops.api.unit_cost_body import time_text
from finops.pricing.gpu_price import MAX_MONTHS, GpuPrice, Kind
from finops.pricing.pools import MAX_GPUS, MAX_NAME, MAX_NAMES, GpuMembership, GpuPool, Sharing

AMOUNTS = (
    "usd_per_gpu_hour", "purchase_usd", "salvage_usd", "hosting_usd_per_gpu_hour",
    "usd_per_kwh", "gco2e_per_kwh",
)  # fmt: skip


def names(help_text: str, **options: Any) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=MAX_NAME),
        max_length=MAX_NAMES,
        help_text=help_text,
        **options,
    )


def amount(help_text: str, places: int = 12, most: int = 1_000_000) -> serializers.DecimalField:
    return serializers.DecimalField(
        max_digits=len(str(most)) + places,
        decimal_places=places,
        min_value=Decimal(0),
        max_value=Decimal(most),
        required=False,
        allow_null=True,
        help_text=help_text,
    )


class DatedSerializer(serializers.Serializer[Any]):
    """From when until when, and why."""

    valid_from = serializers.DateTimeField(default_timezone=UTC)
    valid_to = serializers.DateTimeField(default_timezone=UTC, required=False, allow_null=True)
    why = serializers.CharField(max_length=500, help_text="Such as the order's number.")


class NewGpuMembersSerializer(DatedSerializer):
    """Which GPUs a pool has; what held before ends where this begins."""

    gpus = serializers.IntegerField(
        min_value=0,
        max_value=MAX_GPUS,
        required=False,
        allow_null=True,
        help_text="How many are paid for; null: as many as report.",
    )
    labels = names("Their label `pool`; with no list at all, the pool's name.", required=False)
    hosts = names("Hosts; * and ? stand for anything.", required=False)
    gpu_models = names("Models of GPUs, as *H100*.", required=False)


class NewGpuPriceSerializer(DatedSerializer):
    """What a pool's GPUs cost; the price for all other GPUs ends where its heir begins."""

    kind = serializers.ChoiceField(choices=Kind.choices)
    gpus = serializers.IntegerField(
        min_value=1,
        max_value=MAX_GPUS,
        required=False,
        allow_null=True,
        help_text="For how many, paid in full; null: for all that no other price covers.",
    )
    usd_per_gpu_hour = amount("Rented.")
    purchase_usd = amount("Owned: what they cost together.", 2, 10**12)
    salvage_usd = amount("Owned: what they are worth at the end.", 2, 10**12)
    months = serializers.IntegerField(
        min_value=1,
        max_value=MAX_MONTHS,
        required=False,
        allow_null=True,
        help_text="Owned: of straight-line amortisation from valid_from on.",
    )
    hosting_usd_per_gpu_hour = amount("Owned: space, racks, hands.")
    usd_per_kwh = amount("The energy's tariff; left out: energy is in the price.")
    pue = serializers.DecimalField(
        max_digits=6,
        decimal_places=4,
        min_value=Decimal(1),
        max_value=Decimal(10),
        default=Decimal(1),
        help_text="Energy of the site ÷ energy of the GPUs.",
    )
    gco2e_per_kwh = amount("Grams CO2e per kWh of the grid.", 4, 100_000)


class GpuPoolChangeSerializer(serializers.Serializer[Any]):
    """What a pool serves, for whom, and how its busy part is shared."""

    name = serializers.CharField(max_length=100)
    serves = names("Models; * and ? stand for anything. Empty: every call of an inference server.")
    providers = names("Providers that stand for it, beside vllm, sglang and the like.")
    tenants = names("Whose calls run on it; empty: everybody's.")
    sharing = serializers.ChoiceField(choices=Sharing.choices)
    overhead_percent = serializers.DecimalField(
        max_digits=7, decimal_places=4, min_value=Decimal(0), max_value=Decimal(1000)
    )
    why = serializers.CharField(max_length=500)


class NewGpuPoolSerializer(serializers.Serializer[Any]):
    """A pool with its GPUs and, where it is known, its price."""

    name = serializers.CharField(max_length=100)
    serves = names("Models that run on it.", required=False)
    providers = names("Providers that stand for it.", required=False)
    tenants = names("Whose calls run on it.", required=False)
    sharing = serializers.ChoiceField(choices=Sharing.choices, required=False)
    overhead_percent = serializers.DecimalField(
        max_digits=7,
        decimal_places=4,
        min_value=Decimal(0),
        max_value=Decimal(1000),
        required=False,
        help_text="CPU, memory and network, in percent of the GPUs' cost.",
    )
    why = serializers.CharField(max_length=500)
    gpus = NewGpuMembersSerializer()
    price = NewGpuPriceSerializer(required=False, allow_null=True)


class EndSerializer(serializers.Serializer[Any]):
    """When a price ends."""

    valid_to = serializers.DateTimeField(
        default_timezone=UTC, help_text="The first moment without it."
    )


class GpuMembersSerializer(NewGpuMembersSerializer):
    """GPUs of a pool, as they are stored."""

    id = serializers.IntegerField()
    who = serializers.EmailField(allow_null=True)


class GpuPriceSerializer(serializers.Serializer[Any]):
    """A price as it is stored; amounts are strings."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=Kind.choices)
    gpus = serializers.IntegerField(allow_null=True)
    months = serializers.IntegerField(allow_null=True)
    pue = serializers.CharField()
    valid_from = serializers.DateTimeField()
    valid_to = serializers.DateTimeField(allow_null=True)
    why = serializers.CharField()
    who = serializers.EmailField(allow_null=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add the amounts."""
        amounts = {name: serializers.CharField(allow_null=True) for name in AMOUNTS}
        return {**super().get_fields(), **amounts}


class GpuPoolSerializer(serializers.Serializer[Any]):
    """A pool, its GPUs and prices by time."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    serves = serializers.ListField(child=serializers.CharField())
    providers = serializers.ListField(child=serializers.CharField())
    tenants = serializers.ListField(child=serializers.CharField())
    sharing = serializers.ChoiceField(choices=Sharing.choices)
    overhead_percent = serializers.CharField()
    why = serializers.CharField()
    who = serializers.EmailField(allow_null=True)
    created_at = serializers.DateTimeField()
    gpus = GpuMembersSerializer(many=True)
    prices = GpuPriceSerializer(many=True)


class GpuPoolsSerializer(serializers.Serializer[Any]):
    """All pools of the workspace, by name."""

    gpu_pools = GpuPoolSerializer(many=True)


def pool_body(pool: GpuPool) -> dict[str, Any]:
    return {
        "id": pool.pk,
        "name": pool.name,
        "serves": pool.serves,
        "providers": pool.providers,
        "tenants": pool.tenants,
        "sharing": pool.sharing,
        "overhead_percent": plain(pool.overhead_percent),
        "why": pool.why,
        "who": pool.who.email if pool.who else None,
        "created_at": time_text(pool.created_at),
        "gpus": [members_body(one) for one in pool.memberships.order_by("valid_from")],
        "prices": [price_body(one) for one in pool.prices.order_by("valid_from", "pk")],
    }


def members_body(one: GpuMembership) -> dict[str, Any]:
    return {
        "id": one.pk,
        "gpus": one.gpus,
        "labels": one.labels,
        "hosts": one.hosts,
        "gpu_models": one.gpu_models,
        **dates_body(one),
    }


def price_body(one: GpuPrice) -> dict[str, Any]:
    return {
        "id": one.pk,
        "kind": one.kind,
        "gpus": one.gpus,
        "months": one.months,
        "pue": plain(one.pue),
        **{name: plain(getattr(one, name)) for name in AMOUNTS},
        **dates_body(one),
    }


def dates_body(one: GpuMembership | GpuPrice) -> dict[str, Any]:
    return {
        "valid_from": time_text(one.valid_from),
        "valid_to": time_text(one.valid_to) if one.valid_to else None,
        "why": one.why,
        "who": one.who.email if one.who else None,
    }


def plain(number: Decimal | None) -> str | None:
    """A decimal as text without idle zeros; None where there is none."""
    return None if number is None else f"{Decimal(number).normalize():f}"

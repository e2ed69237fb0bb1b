"""How catalogues, published versions and their differences look on the wire."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework import serializers

from finops.accounts.models import Workspace
from finops.api.rate_body import ChangeSerializer, change_body
from finops.api.unit_cost_body import time_text
from finops.pricing.difference import Difference
from finops.pricing.models import RateVersion
from finops.pricing.versions import PUBLISHED, Listed, age_of, is_stale, list_catalogues

VERSIONS_SHOWN = 100
MOST_CHANGES = 10_000


class CatalogueSerializer(serializers.Serializer[Any]):
    """A catalogue of list prices that is here; whose it is, where you share a workspace."""

    ref = serializers.CharField(help_text="`installed`, or `upload-` and a number.")
    label = serializers.CharField()  # type: ignore[assignment]
    sha256 = serializers.CharField()
    newest_price = serializers.DateField(allow_null=True, help_text="Of those that have begun.")
    age_days = serializers.IntegerField(allow_null=True, help_text="Since the newest price.")
    stale = serializers.BooleanField(help_text="Nothing new for more than 30 days.")
    models = serializers.IntegerField()
    rates = serializers.IntegerField()
    in_force = serializers.BooleanField()
    uploaded_at = serializers.DateTimeField(allow_null=True)
    uploaded_by = serializers.CharField(allow_blank=True)
    adopted_at = serializers.DateTimeField(allow_null=True)
    adopted_by = serializers.CharField(allow_blank=True)
    why = serializers.CharField(allow_blank=True)


class VersionSerializer(serializers.Serializer[Any]):
    """A published set of rates, as charges name it."""

    ref = serializers.CharField(help_text="`rates-` and the number.")
    number = serializers.IntegerField()
    catalogue = serializers.CharField()
    catalogue_sha256 = serializers.CharField()
    rates = serializers.IntegerField()
    published_at = serializers.DateTimeField()


class CataloguesSerializer(serializers.Serializer[Any]):
    """Catalogues, and the newest versions that were published from them."""

    catalogues = CatalogueSerializer(many=True)
    versions = VersionSerializer(many=True)


class ModelNameSerializer(serializers.Serializer[Any]):
    """A model of the list."""

    provider = serializers.CharField()
    model = serializers.CharField()


class DifferenceSerializer(serializers.Serializer[Any]):
    """What one side has that the other hasn't, and the prices that differ."""

    old = serializers.CharField()
    new = serializers.CharField()
    added = ModelNameSerializer(many=True)
    removed = ModelNameSerializer(many=True)
    changes_in_all = serializers.IntegerField()
    changes = ChangeSerializer(many=True)


class AdoptSerializer(serializers.Serializer[Any]):
    """Why a catalogue becomes the price of record."""

    why = serializers.CharField(max_length=500, help_text="Every workspace's audit trail has it.")


def catalogues_body(workspace: Workspace) -> dict[str, Any]:
    versions = RateVersion.objects.exclude(published_at=None).order_by("-number")
    return {
        "catalogues": [
            catalogue_body(listed) for listed in list_catalogues(workspace, timezone.now())
        ],
        "versions": [version_body(version) for version in versions[:VERSIONS_SHOWN]],
    }


def one_of(workspace: Workspace, ref: str) -> dict[str, Any]:
    found = list_catalogues(workspace, timezone.now())
    return next(catalogue_body(listed) for listed in found if listed.ref == ref)


def catalogue_body(listed: Listed) -> dict[str, Any]:
    now = timezone.now()
    age = age_of(listed.newest_price, now)
    newest = listed.newest_price
    return {
        "ref": listed.ref,
        "label": listed.label,
        "sha256": listed.sha256,
        "newest_price": None if newest is None else newest.isoformat(),
        "age_days": None if age is None else age.days,
        "stale": is_stale(listed, now),
        "models": listed.models,
        "rates": listed.rates,
        "in_force": listed.in_force,
        "uploaded_at": time_text(listed.uploaded_at) if listed.uploaded_at else None,
        "uploaded_by": listed.uploaded_by,
        "adopted_at": time_text(listed.adopted_at) if listed.adopted_at else None,
        "adopted_by": listed.adopted_by,
        "why": listed.why,
    }


def version_body(version: RateVersion) -> dict[str, Any]:
    return {
        "ref": f"{PUBLISHED}{version.number}",
        "number": version.number,
        "catalogue": version.catalogue_version,
        "catalogue_sha256": version.catalogue_sha256,
        "rates": version.rows,
        "published_at": time_text(version.published_at) if version.published_at else None,
    }


def difference_body(old: str, new: str, found: Difference) -> dict[str, Any]:
    return {
        "old": old,
        "new": new,
        "added": [{"provider": provider, "model": model} for provider, model in found.added],
        "removed": [{"provider": provider, "model": model} for provider, model in found.removed],
        "changes_in_all": len(found.changes),
        "changes": [change_body(change) for change in found.changes[:MOST_CHANGES]],
    }

"""Publish rates to the charge job: a new version when the catalogue or an override changed.

A version is whole: list prices, and for each overridden model the workspace's own timeline. Its
number is taken first, its rows are written, and only then it is marked as published; a publication
that was cut off leaves a number that nothing uses.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Max

from finops.clickhouse.client import Warehouse
from finops.pricing.catalogue import COMPILER
from finops.pricing.errors import NothingPublished
from finops.pricing.in_force import list_prices, on_change, take_up
from finops.pricing.models import RateOverride, RateVersion
from finops.pricing.overrides import Contract, apply_contracts
from finops.pricing.rate import BUCKETS, Rate
from finops.pricing.resolve import find_provider, resolve_model

ATTEMPTS = 5
# Providers are found by the catalogue in force.
on_change(find_provider.cache_clear)
KEY_COLUMNS = tuple(field.name for field in fields(Rate) if field.name not in ("prices", "uses"))


def current_rate_version() -> RateVersion:
    """Return the version that charges use now; raises NothingPublished."""
    version = RateVersion.objects.exclude(published_at=None).order_by("-number").first()
    if version is None:
        raise NothingPublished
    return version


def publish_rates(ch: Warehouse, *, now: datetime) -> RateVersion:
    """Make sure that the newest catalogue and overrides are published, and return their version.

    Cheap when nothing changed. The same version is written again to a ClickHouse that lost it.
    """
    overrides = list(RateOverride.objects.order_by("pk"))
    fingerprint = fingerprint_of(overrides)
    source = take_up()
    last = RateVersion.objects.exclude(published_at=None).order_by("-number").first()
    if last is not None and (
        last.catalogue_sha256,
        last.overrides_sha256,
        last.compiler,
    ) == (source.sha256, fingerprint, COMPILER):
        if count_rows(ch, last.number) != last.rows:
            write_rates(ch, last.number, compile_rates(overrides), now)
        return last
    rates = compile_rates(overrides)
    version = take_number(
        catalogue_version=source.label,
        catalogue_sha256=source.sha256,
        overrides_sha256=fingerprint,
        compiler=COMPILER,
        created_at=now,
        rows=len(rates),
    )
    write_rates(ch, version.number, rates, now)
    version.published_at = now
    version.save(update_fields=["published_at"])
    return version


def take_number(**columns: object) -> RateVersion:
    """Create the next version; two publishers at once get two numbers."""
    for attempt in range(ATTEMPTS):
        newest = RateVersion.objects.aggregate(newest=Max("number"))["newest"] or 0
        try:
            with transaction.atomic():
                return RateVersion.objects.create(number=newest + 1, **columns)
        except IntegrityError:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def fingerprint_of(overrides: Iterable[RateOverride]) -> str:
    """Return the SHA-256 of everything in the overrides that a rate depends on."""
    text = json.dumps(
        [[o.pk, o.workspace.pk, o.provider, o.model, *map(str, priced(o))] for o in overrides]
    )
    return hashlib.sha256(text.encode()).hexdigest()


def priced(override: RateOverride) -> Iterator[object]:
    yield from (override.service_tier, override.discount_percent)
    yield from (override.valid_from, override.valid_to)
    yield from sorted(override.named_prices.items())


def compile_rates(overrides: Iterable[RateOverride]) -> list[Rate]:
    """Return list prices and, behind them, the timelines of overridden models."""
    contracts: dict[tuple[int, str, str], list[RateOverride]] = defaultdict(list)
    for override in overrides:
        provider, model = override_key(override.provider, override.model)
        contracts[override.workspace.pk, provider, model].append(override)
    return [*list_prices(), *workspace_prices(contracts)]


def workspace_prices(
    contracts: dict[tuple[int, str, str], list[RateOverride]],
) -> Iterator[Rate]:
    listed: dict[tuple[str, str], list[Rate]] = defaultdict(list)
    for rate in list_prices() if contracts else ():
        listed[rate.provider, rate.model].append(rate)
    for (workspace_id, provider, model), overrides in contracts.items():
        behind = listed.get((provider, model))
        if behind is None:
            resolved = resolve_model(provider, model)
            behind = listed[resolved.provider, resolved.model] if resolved else []
        yield from apply_contracts(
            workspace_id, (provider, model), behind, [contract_of(o) for o in overrides]
        )


def override_key(provider: str, model: str) -> tuple[str, str]:
    """Return the key that an override is published under.

    Named as the catalogue names the model, it holds for every alias of it; named as a snapshot or
    a deployment, for that name alone.
    """
    resolved = resolve_model(provider, model)
    if resolved is not None and resolved.model_id.lower() == model:
        return resolved.provider, resolved.model
    return provider, model


def contract_of(override: RateOverride) -> Contract:
    return Contract(
        number=override.pk,
        service_tier=override.service_tier,
        prices=override.named_prices,
        discount_percent=override.discount_percent,
        valid_from=override.valid_from,
        valid_to=override.valid_to,
    )


def count_rows(ch: Warehouse, number: int) -> int:
    (row,) = ch.query(
        "SELECT count() AS rows FROM rates FINAL WHERE rate_version = {number:UInt32}",
        {"number": number},
    )
    return int(row["rows"])


def write_rates(ch: Warehouse, number: int, rates: list[Rate], now: datetime) -> None:
    """Insert one version's rows; the same rows again replace themselves."""
    ch.insert(
        "rates",
        {
            "rate_version": [number] * len(rates),
            **{name: [getattr(rate, name) for rate in rates] for name in KEY_COLUMNS},
            **{f"{name}_usd": [getattr(rate.prices, name) for rate in rates] for name in BUCKETS},
            "uses_usd": [dict(rate.uses) for rate in rates],
            "published_at": [now] * len(rates),
        },
    )

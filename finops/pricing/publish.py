"""Publish rates to the charge job: a new version when the catalogue or an override changed.

A version is whole: list prices, and the workspace's own timeline for each name that it pays its own
price for. Its number is taken first, its rows are written, and only then it is marked as published;
a publication that was cut off leaves a number that nothing uses.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Max

from finops.clickhouse.client import Warehouse
from finops.pricing.catalogue import COMPILER, PACKAGE
from finops.pricing.errors import NothingPublished
from finops.pricing.in_force import InForce, list_prices, on_change, take_up
from finops.pricing.models import RateVersion
from finops.pricing.rate import BEGINNING, BUCKETS, Rate
from finops.pricing.rate_change import RateChange, announce
from finops.pricing.resolve import find_provider, resolve_model
from finops.pricing.terms_in_force import fingerprint_of, load_terms
from finops.pricing.workspace_rates import Key, Terms, workspace_rates

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
    source = take_up()
    agreed = load_terms()
    fingerprint = fingerprint_of(agreed)
    last = RateVersion.objects.exclude(published_at=None).order_by("-number").first()
    if last is not None and (
        last.catalogue_sha256,
        last.overrides_sha256,
        last.compiler,
    ) == (source.sha256, fingerprint, COMPILER):
        if count_rows(ch, last.number) != last.rows:
            write_rates(ch, last.number, compile_rates(agreed), now)
        return last
    rates = compile_rates(agreed)
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
    with transaction.atomic():
        version.save(update_fields=["published_at"])
        if last is not None and is_upgrade(last, source):
            tell_of_upgrade(last, source)
    return version


def is_upgrade(last: RateVersion, source: InForce) -> bool:
    """Say whether another release of the package is installed; adoptions are told when adopted."""
    of_package = source.number is None and last.catalogue_version.startswith(f"{PACKAGE} ")
    return of_package and last.catalogue_sha256 != source.sha256


def tell_of_upgrade(last: RateVersion, source: InForce) -> None:
    announce(
        RateChange(
            workspace=None,
            start=BEGINNING,
            end=None,
            cause=f"{source.label} was installed in place of {last.catalogue_version}",
            who=None,
            why="",
        )
    )


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


def compile_rates(agreed: Iterable[Terms]) -> list[Rate]:
    """Return list prices and, behind them, what each workspace pays instead."""
    rates = list(list_prices())
    listed: dict[Key, list[Rate]] = defaultdict(list)
    for rate in rates:
        listed[rate.provider, rate.model].append(rate)

    def behind(key: Key) -> Key | None:
        if key in listed:
            return key
        found = resolve_model(*key)
        return None if found is None else (found.provider, found.model)

    for terms in agreed:
        rates += workspace_rates(terms, listed, behind)
    return rates


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

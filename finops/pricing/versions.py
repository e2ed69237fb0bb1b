"""Which catalogues and published rate versions there are, and how old each is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from finops.accounts.models import Membership, Workspace
from finops.pricing.errors import CatalogueRefused
from finops.pricing.in_force import (
    INSTALLED,
    InForce,
    catalogue_in_force,
    installed,
    rates_of,
    stored,
)
from finops.pricing.models import RateVersion
from finops.pricing.price_file import newest_price
from finops.pricing.stored_catalogue import CatalogueAdoption, StoredCatalogue

STALE = timedelta(days=30)
UPLOAD = "upload-"
PUBLISHED = "rates-"


@dataclass(frozen=True, slots=True)
class Listed:
    """A catalogue as it is listed; `who` only for those who share a workspace with the person.

    `ref` names it in addresses and commands. Its age counts from the newest dated price that has
    begun: the data says nothing else about when it was true.
    """

    ref: str
    label: str
    sha256: str
    newest_price: date | None
    models: int
    rates: int
    in_force: bool
    uploaded_at: datetime | None = None
    uploaded_by: str = ""
    adopted_at: datetime | None = None
    adopted_by: str = ""
    why: str = ""


def age_of(listed_newest: date | None, now: datetime) -> timedelta | None:
    """How long ago the newest price began; None where no price is dated."""
    return None if listed_newest is None else timedelta(days=(now.date() - listed_newest).days)


def is_stale(listed: Listed, now: datetime) -> bool:
    """Say whether pages warn: nothing new for more than 30 days, or nothing dated at all."""
    age = age_of(listed.newest_price, now)
    return age is None or age > STALE


def age_in_words(age: timedelta | None) -> str:
    """'today', '1 day', '12 days', '3 months', '2 years'."""
    if age is None:
        return "of unknown age"
    days = age.days
    if days <= 0:
        return "today"
    for length, unit in ((365, "year"), (30, "month"), (1, "day")):
        # Up to two months are told in days, for the warning counts in days.
        if days >= length * (2 if length == 30 else 1):
            number = days // length
            return f"{number} {unit}{'' if number == 1 else 's'}"
    raise AssertionError("unreachable")


def list_catalogues(workspace: Workspace, now: datetime) -> list[Listed]:
    """Return the installed package and every upload, the newest first, as a workspace sees them."""
    holds = catalogue_in_force()
    colleagues = set(Membership.objects.filter(workspace=workspace).values_list("user", flat=True))
    adopted = {}
    for adoption in CatalogueAdoption.objects.select_related("who").order_by("pk"):
        adopted[adoption.catalogue_id] = adoption
    package = installed()
    listed = [listed_package(package, holds, adopted.get(None), colleagues, now)]
    kept = StoredCatalogue.objects.defer("content").select_related("uploaded_by")
    for catalogue in kept.order_by("-pk"):
        who = catalogue.uploaded_by
        listed.append(
            Listed(
                ref=f"{UPLOAD}{catalogue.pk}",
                label=catalogue.name,
                sha256=catalogue.sha256,
                newest_price=catalogue.newest_price,
                models=catalogue.models_count,
                rates=catalogue.rates_count,
                in_force=holds.number == catalogue.pk,
                uploaded_at=catalogue.uploaded_at,
                uploaded_by=who.email if who is not None and who.pk in colleagues else "",
                **adoption_of(adopted.get(catalogue.pk), colleagues),
            )
        )
    return listed


def listed_package(
    package: InForce,
    holds: InForce,
    adoption: CatalogueAdoption | None,
    colleagues: set[int],
    now: datetime,
) -> Listed:
    rates = rates_of(package)
    return Listed(
        ref=INSTALLED,
        label=package.label,
        sha256=package.sha256,
        newest_price=newest_price(rates, now),
        models=len({(rate.provider, rate.model) for rate in rates}),
        rates=len(rates),
        in_force=holds.number is None,
        **adoption_of(adoption, colleagues),
    )


def adoption_of(adoption: CatalogueAdoption | None, colleagues: set[int]) -> dict[str, Any]:
    if adoption is None:
        return {}
    who = adoption.who
    return {
        "adopted_at": adoption.at,
        "adopted_by": who.email if who is not None and who.pk in colleagues else "",
        "why": adoption.why,
    }


def find_catalogue(ref: str) -> InForce:
    """Return the catalogue that a reference names; raises CatalogueRefused where there is none."""
    if ref == INSTALLED:
        return installed()
    number = number_in(ref, UPLOAD)
    if number is None or not StoredCatalogue.objects.filter(pk=number).exists():
        raise CatalogueRefused(f"There is no catalogue {ref[:40]!r}: the list names them.")
    return stored(number)


def find_version(ref: str) -> RateVersion | None:
    """Return the published version that a reference such as rates-12 names; else None."""
    number = number_in(ref, PUBLISHED)
    if number is None:
        return None
    return RateVersion.objects.exclude(published_at=None).filter(number=number).first()


def number_in(ref: str, prefix: str) -> int | None:
    digits = ref.removeprefix(prefix)
    fits = ref.startswith(prefix) and digits.isascii() and digits.isdigit() and len(digits) <= 9
    return int(digits) if fits else None

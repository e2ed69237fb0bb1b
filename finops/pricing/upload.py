"""Taking a newer catalogue in, and making one the price of record: checked, kept and audited.

Nothing is fetched: a person hands the file in. Uploading changes no price; adopting does, for every
workspace of the installation, and every workspace's audit trail says who did it and why.
"""

from __future__ import annotations

import gzip
from datetime import datetime

from django.db import transaction

from finops.accounts.audit import record
from finops.accounts.models import Membership, Role, User, Workspace
from finops.pricing.errors import CatalogueRefused, NotForAll
from finops.pricing.in_force import InForce, catalogue_in_force, installed, stored
from finops.pricing.price_file import PriceFile, read_price_file
from finops.pricing.rate import BEGINNING
from finops.pricing.rate_change import RateChange, announce
from finops.pricing.stored_catalogue import CatalogueAdoption, StoredCatalogue

MOST_KEPT = 200


def check_sets_list_prices(user: User | None, workspace: Workspace) -> None:
    """Raise NotForAll unless `user` runs every workspace, or there is no other than `workspace`."""
    others = Workspace.objects.exclude(pk=workspace.pk)
    if user is not None:
        runs = Membership.objects.filter(user=user, role__in=(Role.OWNER, Role.ADMIN))
        others = others.exclude(pk__in=runs.values("workspace"))
    if others.exists():
        raise NotForAll


def upload_catalogue(
    content: bytes, name: str, *, actor: User | None, now: datetime
) -> StoredCatalogue:
    """Keep a data.json of genai-prices whole; the same file again is the same catalogue.

    Raises CatalogueRefused in words for the person who sent it.
    """
    read = read_price_file(content)
    kept = StoredCatalogue.objects.filter(sha256=read.sha256).first()
    if kept is not None:
        return kept
    if StoredCatalogue.objects.count() >= MOST_KEPT:
        raise CatalogueRefused(f"{MOST_KEPT} catalogues are kept: no more are taken in.")
    return keep(read, content, name, actor, now)


def keep(
    read: PriceFile, content: bytes, name: str, actor: User | None, now: datetime
) -> StoredCatalogue:
    printable = "".join(letter for letter in name if letter.isprintable()).strip()
    # Somebody else may have handed in the same file a moment ago.
    kept, _ = StoredCatalogue.objects.get_or_create(
        sha256=read.sha256,
        defaults={
            "name": printable[-200:] or "data.json",
            "content": gzip.compress(content, mtime=0),
            "bytes": len(content),
            "providers": len(read.providers),
            "models_count": read.models,
            "rates_count": len(read.rates),
            "newest_price": read.newest_price(now),
            "uploaded_at": now,
            "uploaded_by": actor,
        },
    )
    return kept


def adopt_catalogue(
    catalogue: StoredCatalogue | None,
    *,
    actor: User | None,
    workspace: Workspace | None,
    why: str,
    now: datetime,
    key: str = "",
) -> CatalogueAdoption:
    """Make a catalogue the price of record from the next charge on; None is the installed package.

    Earlier calls are marked for repricing, in every workspace. Raises CatalogueRefused where it
    holds already, or no reason is given.
    """
    wanted = installed() if catalogue is None else stored(catalogue.pk)
    if not why.strip():
        raise CatalogueRefused("Say why this catalogue is adopted: the audit trail keeps it.")
    with transaction.atomic():
        before = catalogue_in_force()
        if wanted == before:
            raise CatalogueRefused(f"{wanted.label} is in force already.")
        adoption = CatalogueAdoption.objects.create(
            catalogue=catalogue, at=now, who=actor, workspace=workspace, why=why.strip()
        )
        write_down(adoption, before, wanted, key)
    return adoption


def write_down(adoption: CatalogueAdoption, before: InForce, wanted: InForce, key: str) -> None:
    for workspace in Workspace.objects.order_by("pk"):
        # Whose person it was is for their own workspaces alone.
        known = Membership.objects.filter(workspace=workspace, user=adoption.who).exists()
        record(
            workspace,
            adoption.who if known else None,
            "catalogue.adopted",
            wanted.label,
            key=key if workspace == adoption.workspace else "",
            before=before.label,
            before_sha256=before.sha256,
            sha256=wanted.sha256,
            why=adoption.why,
        )
    announce(
        RateChange(
            workspace=None,
            start=BEGINNING,
            end=None,
            cause=f"catalogue {wanted.label} was adopted",
            who=adoption.who,
            why=adoption.why,
            key=key,
        )
    )

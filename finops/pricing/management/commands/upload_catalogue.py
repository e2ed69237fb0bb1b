"""`manage.py upload_catalogue`: take in a newer price catalogue, look at it, and adopt it."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from finops.clickhouse.client import warehouse
from finops.clickhouse.errors import WarehouseError
from finops.config import ConfigError
from finops.pricing.difference import difference, without_copies
from finops.pricing.errors import CatalogueRefused
from finops.pricing.in_force import catalogue_in_force, installed, rates_of, stored
from finops.pricing.price_file import MOST_BYTES
from finops.pricing.publish import publish_rates
from finops.pricing.stored_catalogue import StoredCatalogue
from finops.pricing.upload import adopt_catalogue, upload_catalogue
from finops.pricing.wording import describe_change

SHOWN = 50


class Command(BaseCommand):
    help = (
        "Take in a data.json of genai-prices and show what would change; --adopt makes it the "
        "price of record. --installed goes back to the installed package."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, nargs="?", help="genai-prices' data.json")
        parser.add_argument("--installed", action="store_true", help="the installed package")
        parser.add_argument("--adopt", action="store_true", help="needs --why")
        parser.add_argument("--why", default="", help="for the audit trail of every workspace")

    def handle(self, **options: Any) -> None:
        if (options["file"] is None) != options["installed"]:
            raise CommandError("Give the file, or --installed.")
        try:
            catalogue = None if options["installed"] else self.take_in(options["file"])
            self.show(catalogue)
            if options["adopt"]:
                self.adopt(catalogue, options["why"])
        except (CatalogueRefused, WarehouseError, ConfigError) as error:
            raise CommandError(str(error)) from None

    def take_in(self, path: Path) -> StoredCatalogue:
        try:
            with path.open("rb") as file:
                content = file.read(MOST_BYTES + 1)
        except OSError as error:
            raise CommandError(f"{path} can't be read: {error.strerror}.") from None
        catalogue = upload_catalogue(content, path.name, actor=None, now=timezone.now())
        self.stdout.write(
            f"catalogue {catalogue.pk}: {catalogue.models_count} models of "
            f"{catalogue.providers} providers, SHA-256 {catalogue.sha256}"
        )
        return catalogue

    def show(self, catalogue: StoredCatalogue | None) -> None:
        before = catalogue_in_force()
        wanted = stored(catalogue.pk) if catalogue is not None else installed()
        found = difference(rates_of(before), rates_of(wanted))
        changes = without_copies(found.changes)
        self.stdout.write(
            f"against {before.label}: {len(found.added)} models added, {len(found.removed)} "
            f"removed, {len(changes)} prices changed"
        )
        for change in changes[:SHOWN]:
            self.stdout.write(f"  {describe_change(change)}")
        if len(changes) > SHOWN:
            self.stdout.write(f"  … and {len(changes) - SHOWN} more: see /rates/versions")

    def adopt(self, catalogue: StoredCatalogue | None, why: str) -> None:
        now = timezone.now()
        adopt_catalogue(catalogue, actor=None, workspace=None, why=why, now=now)
        with warehouse() as ch:
            version = publish_rates(ch, now=now)
        self.stdout.write(
            f"adopted: rates {version.number} are published, earlier calls are repriced by the "
            "worker"
        )

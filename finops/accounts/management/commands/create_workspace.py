"""`manage.py create_workspace`: make a workspace."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from finops.accounts.workspaces import create_workspace


class Command(BaseCommand):
    help = "Make a workspace: what one organisation sees, and nobody else."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="letters, digits, - and _, as acme")
        parser.add_argument("--name", help="how pages call it (default: the slug)")
        parser.add_argument("--timezone", default="UTC", help="such as Europe/Berlin")

    def handle(self, **options: Any) -> None:
        slug = options["slug"]
        try:
            create_workspace(slug, options["name"] or slug, timezone=options["timezone"])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        self.stdout.write(f"Made the workspace {slug}.")

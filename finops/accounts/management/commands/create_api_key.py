"""`manage.py create_api_key`: make a key and print it, and nothing else, on stdout."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from finops.accounts.keys import create_key
from finops.accounts.management.workspace_option import add_workspace_option, find_workspace
from finops.accounts.models import Scope


class Command(BaseCommand):
    help = "Make an API key and print it; it can't be read again."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_workspace_option(parser)
        parser.add_argument(
            "--scope",
            action="append",
            required=True,
            choices=Scope.values,
            help="what the key may do; repeat for several",
        )
        parser.add_argument("--name", default="command line", help="what will use the key")

    def handle(self, **options: Any) -> None:
        workspace = find_workspace(options["workspace"])
        _, secret = create_key(workspace, options["name"], options["scope"])
        self.stdout.write(secret)

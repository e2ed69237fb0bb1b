"""`manage.py limit_ingest`: say how much one workspace may send."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from finops.accounts.management.workspace_option import add_workspace_option, find_workspace
from finops.accounts.models import INGEST_LIMITS
from finops.accounts.workspaces import set_ingest_limits


class Command(BaseCommand):
    help = (
        "Set how much a workspace may send, in place of the collector's settings FINOPS_INGEST_*; "
        "0 is without limit. Without a limit named, say what holds. Takes hold within seconds."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_workspace_option(parser)
        for name in INGEST_LIMITS:
            parser.add_argument(f"--{name.replace('_', '-')}", type=int, metavar="N")
        parser.add_argument(
            "--default", action="store_true", help="go back to the collector's settings"
        )

    def handle(self, **options: Any) -> None:
        workspace = find_workspace(options["workspace"])
        given = {name: options[name] for name in INGEST_LIMITS if options[name] is not None}
        if given or options["default"]:
            kept = {} if options["default"] else workspace.ingest_limits
            try:
                set_ingest_limits(workspace, kept | given)
            except ValidationError as error:
                raise CommandError(" ".join(error.messages)) from None
        for name in INGEST_LIMITS:
            limit = workspace.ingest_limits.get(name, "as the collector's settings say")
            self.stdout.write(f"{name}: {limit}")

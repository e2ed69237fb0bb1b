"""`manage.py import_invoice FILE`: take a provider's export in, or only say what it would do."""

from __future__ import annotations

import io
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from finops.accounts.management.workspace_option import add_workspace_option, find_workspace
from finops.accounts.models import User, Workspace
from finops.clickhouse.client import warehouse
from finops.invoices.errors import InvoiceError
from finops.invoices.formats import TITLES
from finops.invoices.preview import Preview, preview
from finops.invoices.read import Reading
from finops.invoices.take_in import Offer, take_in

SHOWN = 20


class Command(BaseCommand):
    help = (
        "Import a provider's usage or cost export. All or nothing: where a line can't be read, "
        "nothing is taken in and the lines are named. Days that an earlier import of the same bill "
        "and account covers are replaced. Exit status 1: nothing was taken in."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="CSV, JSON or Parquet, also as gzip")
        add_workspace_option(parser)
        parser.add_argument("--format", choices=list(TITLES), default="", help="default: found out")
        parser.add_argument(
            "--mapping", type=Path, help="a JSON file that says which column of a plain CSV is what"
        )
        parser.add_argument("--account", default="", help="who is billed, where the file is silent")
        parser.add_argument("--who", metavar="EMAIL", help="the member who imports it")
        parser.add_argument("--dry-run", action="store_true", help="only say what it would do")

    def handle(self, **options: Any) -> None:
        workspace = find_workspace(options["workspace"])
        actor = find_member(workspace, options["who"])
        path: Path = options["file"]
        try:
            mapping = options["mapping"].read_text() if options["mapping"] else ""
            with path.open("rb") as file, warehouse() as ch:
                offer = Offer(file, path.name, options["format"], mapping, options["account"])
                reading = offer.read()
                self.stdout.write(describe(reading, preview(ch, workspace.pk, reading)))
                reading.refuse_problems()
                if options["dry_run"]:
                    self.stdout.write("Nothing was taken in (--dry-run).")
                    return
                invoice = take_in(ch, workspace, offer, now=timezone.now(), actor=actor)
        except InvoiceError as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            name = error.filename or path
            raise CommandError(f"{name} can't be read: {error.strerror or error}.") from None
        except UnicodeDecodeError:
            raise CommandError(f"{options['mapping']} can't be read: it isn't UTF-8.") from None
        self.stdout.write(f"Taken in as invoice {invoice.pk}.")


def find_member(workspace: Workspace, email: str | None) -> User | None:
    if email is None:
        return None
    found = User.objects.filter(memberships__workspace=workspace, email=email.lower()).first()
    if found is None:
        raise CommandError(f"{email} is not a member of {workspace.slug}.")
    return found


def describe(reading: Reading, found: Preview) -> str:
    """What the file holds, in lines for a terminal."""
    out = io.StringIO()
    out.write(f"{TITLES[reading.format]}: {len(reading.lines)} lines")
    if reading.first_day:
        out.write(f", {reading.first_day} to {reading.last_day}")
    totals = ", ".join(f"{total:,.2f} {code}" for code, total in found.totals.items())
    out.write(f"; {totals or 'no amounts'}\n")
    for group in found.groups[:SHOWN]:
        amounts = ", ".join(f"{total:,.4f} {code}" for code, total in group.totals.items())
        name = f"{group.provider}/{group.model or group.category}"
        out.write(f"  {name}: {group.lines} lines, {group.tokens:,.0f} tokens, {amounts or '-'}\n")
    for one in found.replaced:
        out.write(
            f"  replaces {one.lines} lines on {one.days} days of invoice {one.invoice_id}, "
            f"{one.usd:,.2f} USD\n"
        )
    for warning in found.warnings:
        out.write(f"  note: {warning}\n")
    for problem in reading.problems[:SHOWN]:
        out.write(f"  line {problem.line}: {problem.reason}\n")
    return printable(out.getvalue().rstrip("\n"))


def printable(text: str) -> str:
    """Names come from the file, and a terminal obeys some characters."""
    return "".join(char if char.isprintable() or char == "\n" else "?" for char in text)

"""`manage.py statement`: what a tenant's month cost, as a file to send."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now

from finops.accounts.management.workspace_option import the_workspace
from finops.clickhouse.client import Warehouse, warehouse
from finops.clickhouse.errors import WarehouseError
from finops.config import ConfigError
from finops.focus.errors import FocusError
from finops.focus.statement import KINDS, Asked, Statement
from finops.focus.statement_csv import statement_csv
from finops.focus.statement_month import read_month
from finops.focus.statement_sheet import statement_html
from finops.focus.statements import Month, make_statement, read_book
from finops.focus.wording import file_stem

WRITERS = {".html": statement_html, ".csv": statement_csv}


class Command(BaseCommand):
    help = (
        "Write the chargeback or showback statement of one tenant for one month of UTC: HTML that "
        "prints on A4, or CSV with every digit. Without --tenant, both for every tenant, into the "
        "folder --out."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--month", required=True, metavar="2026-11")
        parser.add_argument("--tenant")
        parser.add_argument("--out", required=True, type=Path, help="FILE.html, FILE.csv or FOLDER")
        parser.add_argument("--workspace", metavar="SLUG", help="may be left out if there is one")
        parser.add_argument("--kind", choices=KINDS, default=KINDS[0])
        parser.add_argument(
            "--distribute",
            action="store_true",
            help="add shares of idle GPU time and of calls without a tenant to a chargeback",
        )

    def handle(self, **options: Any) -> None:
        workspace = the_workspace(options["workspace"])
        asked = Asked(options["kind"], options["distribute"])
        made_at = now()
        try:
            month = read_month(options["month"], made_at)
            with warehouse() as ch:
                book = read_book(ch, workspace, month, made_at)
                written = self.write(ch, book, options["tenant"], options["out"], asked)
        except (FocusError, WarehouseError, ConfigError) as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{options['out']} can't be written: {error.strerror}.") from None
        for path in written:
            self.stdout.write(str(path))

    def write(
        self, ch: Warehouse, month: Month, tenant: str | None, out: Path, asked: Asked
    ) -> list[Path]:
        if tenant is not None:
            if out.suffix not in WRITERS:
                raise CommandError(f"--out has to end in {' or '.join(WRITERS)}.")
            return [put(make_statement(ch, month, tenant, asked), out)]
        out.mkdir(parents=True, exist_ok=True)
        stems: set[str] = set()
        paths = []
        for name in month.book.dues:
            statement = make_statement(ch, month, name, asked)
            stem = unused(file_stem(statement), stems)
            paths += [put(statement, out / f"{stem}{ending}") for ending in WRITERS]
        return paths


def put(statement: Statement, path: Path) -> Path:
    path.write_text(WRITERS[path.suffix](statement), encoding="utf-8", newline="")
    return path


def unused(stem: str, stems: set[str]) -> str:
    """Return a name that no other tenant's file has: two may differ in odd characters alone."""
    chosen, number = stem, 2
    while chosen.lower() in stems:
        chosen, number = f"{stem}-{number}", number + 1
    stems.add(chosen.lower())
    return chosen

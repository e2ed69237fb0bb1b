"""`manage.py export_focus`: what a workspace spent, as a file in the FOCUS format."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from finops.accounts.management.workspace_option import the_workspace
from finops.clickhouse.client import Warehouse, warehouse
from finops.clickhouse.errors import WarehouseError
from finops.config import ConfigError
from finops.focus.account import Account
from finops.focus.export import Export, Tally, export_rows
from finops.focus.left_out import left_out, left_out_csv
from finops.focus.versions import NAMES, version_named
from finops.focus.write_csv import csv_pieces
from finops.focus.write_parquet import write_parquet
from finops.management.moment import moment
from finops.queries import InvalidRange, Range

STDOUT = "-"


class Command(BaseCommand):
    help = (
        "Write what a workspace spent in [--from, --to) in the FOCUS format. Calls without a price "
        "are not in the file: they are counted on stderr and listed in FILE.unpriced.csv. A file "
        "appears whole or not at all."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Let --version be FOCUS's: Django gives every command one that shows Django's own."""
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="start", type=moment, required=True, help="UTC")
        parser.add_argument("--to", dest="end", type=moment, required=True, help="UTC, exclusive")
        parser.add_argument("--version", dest="focus", choices=NAMES, default=NAMES[0])
        parser.add_argument("--format", choices=("csv", "parquet"), default="csv")
        parser.add_argument("--out", required=True, metavar="FILE", help="- is stdout")
        parser.add_argument("--workspace", metavar="SLUG", help="may be left out if there is one")

    def handle(self, **options: Any) -> None:
        workspace = the_workspace(options["workspace"])
        try:
            wanted = Export(
                workspace.pk,
                Account(workspace.slug, workspace.name),
                Range(options["start"], options["end"]),
                version_named(options["focus"]),
            )
            with warehouse() as ch:
                self.export(ch, wanted, options["out"], options["format"])
        except (InvalidRange, WarehouseError, ConfigError) as error:
            raise CommandError(str(error)) from None
        except BrokenPipeError:
            # Whoever reads has enough; stdout is closed for good, also for Python's own flush.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise CommandError("The reader went away before the end.") from None
        except OSError as error:
            raise CommandError(f"{options['out']} can't be written: {error.strerror}.") from None

    def export(self, ch: Warehouse, wanted: Export, out: str, kind: str) -> None:
        tally = Tally()
        with opened(out) as target, shown(self.stderr) as progress:
            rows = export_rows(ch, wanted, tally, progress)
            if kind == "parquet":
                write_parquet(rows, wanted.version, target)
            else:
                for piece in csv_pieces(rows, wanted.version):
                    target.write(piece.encode())
        self.stderr.write(f"rows: {tally.rows:,}, billed: {tally.billed_usd:f} USD")
        missing = left_out(ch, wanted.workspace_id, wanted.span)
        calls = sum(one.calls for one in missing)
        where = ""
        if missing and out != STDOUT:
            listing = Path(f"{out}.unpriced.csv")
            listing.write_text(left_out_csv(missing), encoding="utf-8", newline="")
            where = f"; listed in {listing.name}"
        if missing:
            self.stderr.write(f"left out, because they have no price: {calls:,} calls{where}")


@contextmanager
def opened(out: str) -> Iterator[BinaryIO]:
    """Open stdout, or a file beside the target that takes its place at the end."""
    if out == STDOUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    partial = Path(f"{out}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            yield file
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def shown(stderr: Any) -> Iterator[Any]:
    """A bar on a terminal; nothing elsewhere."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        bar = bars.add_task("Calls", total=None)
        yield lambda done, total: bars.update(bar, completed=done, total=total)

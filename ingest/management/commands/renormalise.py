"""`manage.py renormalise`: a corrected dialect table is run again over spans that are kept."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from finops.clickhouse.client import Warehouse, warehouse
from finops.clickhouse.errors import WarehouseError
from finops.config import ConfigError
from finops.costing.charge import LEASE
from finops.costing.errors import LeaseLost
from finops.costing.lease import Lease, give_lease_back, renew_lease
from finops.costing.management.commands.recompute import BUSY
from finops.costing.management.patience import wait_for
from finops.management.moment import moment
from ingest.dialects import DIALECTS
from ingest.renormalise import Again, kept_segments, renormalise

NAMES = tuple(dialect.name for dialect in DIALECTS)


class Command(BaseCommand):
    help = (
        "Make calls again from the spans that are kept, with the dialect table of this release. "
        "What changes is charged again by itself. Safe to cut off and to run again, and while the "
        "collector runs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="start", type=moment, required=True, help="UTC")
        parser.add_argument("--to", dest="end", type=moment, required=True, help="UTC, exclusive")
        parser.add_argument("--dialect", choices=NAMES, default="", help="all when left out")
        parser.add_argument("--dry-run", action="store_true", help="only say what would change")

    def handle(self, **options: Any) -> None:
        if options["start"] >= options["end"]:
            raise CommandError("--from has to be before --to; both are times of receipt.")
        lease = None if options["dry_run"] else wait_for(LEASE, BUSY)
        try:
            with warehouse() as ch:
                done = self.run_again(ch, lease, options)
        except (WarehouseError, ConfigError, LeaseLost) as error:
            raise CommandError(str(error)) from None
        finally:
            if lease is not None:
                give_lease_back(lease, now=now())
        would = "would change" if options["dry_run"] else "changed"
        self.stdout.write(
            f"{done.spans} spans read again, {done.calls} of them calls: "
            f"{done.changed} {would}, {done.withdrawn} {would} to no call"
        )

    def run_again(self, ch: Warehouse, lease: Lease | None, options: dict[str, Any]) -> Again:
        start, end, dialect = options["start"], options["end"], options["dialect"]
        every = kept_segments(ch, start, end, dialect)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        console = Console(stderr=True)
        done = Again()
        with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
            bar = bars.add_task("Reading again", total=sum(kept.spans for kept in every))
            for kept in every:
                done = done.plus(renormalise(ch, kept, start, end, dialect, lease=lease))
                if lease is not None:
                    renew_lease(lease, now=now())
                bars.advance(bar, kept.spans)
        return done

"""`manage.py recompute`: charge a range of time again."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from finops.accounts.models import Workspace
from finops.clickhouse.client import Warehouse, warehouse
from finops.clickhouse.errors import WarehouseError
from finops.config import ConfigError
from finops.costing.charge import LEASE
from finops.costing.errors import LeaseLost
from finops.costing.lease import Lease, give_lease_back
from finops.costing.management.closed_months import add_force_options, pass_closed_months
from finops.costing.management.patience import wait_for
from finops.costing.recompute import BusyHour, busy_hours, recompute
from finops.management.moment import moment

BUSY = "The charge job is busy: try again when it has caught up."


class Command(BaseCommand):
    help = (
        "Charge calls again with the rates as they are now, in whole hours: after a price was "
        "corrected, or a model got one. Safe to cut off and to run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="start", type=moment, required=True, help="UTC")
        parser.add_argument("--to", dest="end", type=moment, required=True, help="UTC, exclusive")
        parser.add_argument("--workspace", help="slug; all workspaces when left out")
        add_force_options(parser)

    def handle(self, **options: Any) -> None:
        if options["start"] >= options["end"]:
            raise CommandError("--from has to be before --to.")
        workspace_id = self.find_workspace(options["workspace"])
        concerned = Workspace.objects.filter(**({"pk": workspace_id} if workspace_id else {}))
        pass_closed_months(concerned, options, "month.recomputed")
        lease = wait_for(LEASE, BUSY)
        try:
            with warehouse() as ch:
                hours = busy_hours(ch, options["start"], options["end"], workspace_id=workspace_id)
                calls = self.charge_again(ch, lease, hours)
        except (WarehouseError, ConfigError, LeaseLost) as error:
            raise CommandError(str(error)) from None
        finally:
            give_lease_back(lease, now=now())
        self.stdout.write(f"charged {calls} calls of {len(hours)} hours again")

    def find_workspace(self, slug: str | None) -> int:
        if slug is None:
            return 0
        found = Workspace.objects.filter(slug=slug).first()
        if found is None:
            raise CommandError(f"There is no workspace {slug!r}.")
        return found.pk

    def charge_again(self, ch: Warehouse, lease: Lease, hours: list[BusyHour]) -> int:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        console = Console(stderr=True)
        with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
            bar = bars.add_task("Charging again", total=sum(hour.calls for hour in hours))
            return recompute(ch, lease, now, hours, progress=lambda calls: bars.advance(bar, calls))

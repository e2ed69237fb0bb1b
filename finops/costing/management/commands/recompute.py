"""`manage.py recompute`: charge a range of time again."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from finops.accounts.audit import record
from finops.accounts.models import Workspace
from finops.clickhouse.client import Warehouse, warehouse
from finops.clickhouse.errors import WarehouseError
from finops.config import ConfigError
from finops.costing.charge import LEASE
from finops.costing.closing import closed_in, refuse_closed
from finops.costing.errors import LeaseLost, MonthClosed
from finops.costing.lease import Lease, give_lease_back, take_lease
from finops.costing.recompute import BusyHour, busy_hours, recompute
from finops.management.moment import moment

PATIENCE_S = 60


class Command(BaseCommand):
    help = (
        "Charge calls again with the rates as they are now, in whole hours: after a price was "
        "corrected, or a model got one. Safe to cut off and to run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="start", type=moment, required=True, help="UTC")
        parser.add_argument("--to", dest="end", type=moment, required=True, help="UTC, exclusive")
        parser.add_argument("--workspace", help="slug; all workspaces when left out")
        parser.add_argument("--force", action="store_true", help="closed months, too; needs --why")
        parser.add_argument("--why", default="", help="for the audit trail of closed months")

    def handle(self, **options: Any) -> None:
        if options["start"] >= options["end"]:
            raise CommandError("--from has to be before --to.")
        workspace_id = self.find_workspace(options["workspace"])
        pass_closed_months(workspace_id, options)
        lease = wait_for_lease()
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


def pass_closed_months(workspace_id: int, options: dict[str, Any]) -> None:
    """Refuse a range with closed months; forced, write down in their audit trails who asked."""
    concerned = Workspace.objects.all()
    if workspace_id:
        concerned = concerned.filter(pk=workspace_id)
    try:
        if not options["force"]:
            refuse_closed(concerned, options["start"], options["end"])
    except MonthClosed as error:
        raise CommandError(str(error)) from None
    if options["force"] and not options["why"].strip():
        raise CommandError("--force needs --why: closed months are changed for a reason.")
    for workspace in concerned:
        closed = closed_in(workspace, options["start"], options["end"])
        if closed:
            months = ", ".join(f"{month:%Y-%m}" for month in closed)
            record(workspace, None, "month.recomputed", months, why=options["why"].strip())


def wait_for_lease() -> Lease:
    """Take the charge job's lease, which runs every few seconds and soon gives it back."""
    until = time.monotonic() + PATIENCE_S
    while True:
        lease = take_lease(LEASE, now=now())
        if lease is not None:
            return lease
        if time.monotonic() > until:
            raise CommandError("The charge job is busy: try again when it has caught up.")
        time.sleep(0.5)

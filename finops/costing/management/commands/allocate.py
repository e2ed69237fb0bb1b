"""`manage.py allocate`: share the bills of GPU pools out again."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now

from finops.accounts.models import Workspace
from finops.clickhouse.client import warehouse
from finops.clickhouse.errors import WarehouseError
from finops.config import ConfigError
from finops.costing.allocation.run import LEASE, Allocated, allocate_due, allocate_range
from finops.costing.errors import LeaseLost
from finops.costing.lease import give_lease_back
from finops.costing.management.closed_months import add_force_options, pass_closed_months
from finops.costing.management.patience import wait_for
from finops.management.moment import moment

BUSY = "The allocation is running: try again when it has finished."


class Command(BaseCommand):
    help = (
        "Share the hourly bills of GPU pools out to tenants, models and features. Without a range: "
        "the hours that are due, as the worker does by itself. Closed months are left as they are "
        "unless forced. Safe to cut off and to run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="start", type=moment, help="UTC")
        parser.add_argument("--to", dest="end", type=moment, help="UTC, exclusive")
        parser.add_argument("--workspace", help="slug; all workspaces when left out")
        add_force_options(parser)

    def handle(self, **options: Any) -> None:
        start, end = options["start"], options["end"]
        if (start is None) != (end is None) or (start is None and options["workspace"]):
            raise CommandError("Give --from and --to, or neither of them and no --workspace.")
        if start is not None and start >= end:
            raise CommandError("--from has to be before --to.")
        if start is not None and any(t.minute or t.second or t.microsecond for t in (start, end)):
            raise CommandError("Bills are of whole hours: --from and --to have to be such.")
        workspaces = find_workspaces(options["workspace"])
        if start is not None:
            pass_closed_months(workspaces, options, "month.allocated")
        lease = wait_for(LEASE, BUSY)
        try:
            with warehouse() as ch:
                if start is None:
                    done = [allocate_due(ch, lease, now)]
                else:
                    done = [allocate_range(ch, lease, now, one, start, end) for one in workspaces]
        except (WarehouseError, ConfigError, LeaseLost) as error:
            raise CommandError(str(error)) from None
        finally:
            give_lease_back(lease, now=now())
        self.stdout.write(describe(done))
        if any(one.differences for one in done):
            raise CommandError("Rows differ from their bill: see the log.")


def describe(done: list[Allocated]) -> str:
    hours, rows = sum(one.hours for one in done), sum(one.rows for one in done)
    more = "" if all(one.finished for one in done) else "; more is due, run it again"
    return f"allocated {hours} hours in {rows} rows{more}"


def find_workspaces(slug: str | None) -> list[Workspace]:
    found = list(Workspace.objects.filter(**({"slug": slug} if slug else {})).order_by("pk"))
    if slug and not found:
        raise CommandError(f"There is no workspace {slug!r}.")
    return found

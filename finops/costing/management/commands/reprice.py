"""`manage.py reprice`: price calls of a range anew from their charges, with an audit entry."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now
from rich.console import Console

from finops.accounts.management.workspace_option import find_workspace
from finops.accounts.models import Workspace
from finops.clickhouse.client import warehouse
from finops.clickhouse.errors import WarehouseError
from finops.config import ConfigError
from finops.costing.charge import LEASE
from finops.costing.closing import refuse_closed
from finops.costing.errors import LeaseLost, MonthClosed
from finops.costing.lease import give_lease_back
from finops.costing.management.patience import wait_for
from finops.costing.mark import ask_for_repricing
from finops.costing.reprice import reprice, total_difference
from finops.costing.repricing import Repricing
from finops.management.moment import moment

BUSY = "The charge job is busy: the worker reprices when it has caught up."
ENDED = (Repricing.State.DONE, Repricing.State.REFUSED, Repricing.State.FAILED)


class Command(BaseCommand):
    help = (
        "Price calls again by the rates as they are now, in whole hours, and write down what "
        "changed by tenant and month. Closed months are refused unless --force says why. Safe to "
        "cut off: the worker finishes it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="start", type=moment, required=True, help="UTC")
        parser.add_argument("--to", dest="end", type=moment, required=True, help="UTC, exclusive")
        parser.add_argument("--workspace", help="slug; all workspaces when left out")
        parser.add_argument("--force", action="store_true", help="closed months, too; needs --why")
        parser.add_argument("--why", default="", help="for the audit trail")

    def handle(self, **options: Any) -> None:
        start, end = options["start"], options["end"]
        if start >= end:
            raise CommandError("--from has to be before --to.")
        if options["force"] and not options["why"].strip():
            raise CommandError("--force needs --why: closed months are changed for a reason.")
        slug = options["workspace"]
        workspaces = [find_workspace(slug)] if slug else list(Workspace.objects.order_by("slug"))
        try:
            if not options["force"]:
                refuse_closed(workspaces, start, end)
            for workspace in workspaces:
                self.reprice(workspace, options)
        except (MonthClosed, WarehouseError, ConfigError, LeaseLost) as error:
            raise CommandError(str(error)) from None

    def reprice(self, workspace: Workspace, options: dict[str, Any]) -> None:
        repricing = ask_for_repricing(
            workspace,
            options["start"],
            options["end"],
            who=None,
            why=options["why"].strip(),
            now=now(),
            forced=options["force"],
        )
        console = Console(stderr=True)
        with console.status(f"Repricing {workspace.slug}"):
            while repricing.state not in ENDED:
                one_portion(repricing)
                repricing.refresh_from_db()
        self.stdout.write(describe(repricing))
        for row in repricing.differences:
            self.stdout.write(
                f"  {row['month']}  {row['tenant'] or 'unattributed'}: "
                f"{row['old_usd']} -> {row['new_usd']} USD ({row['difference_usd']})"
            )


def one_portion(repricing: Repricing) -> None:
    """Do a portion here; the worker may do some of them meanwhile, which is as good."""
    lease = wait_for(LEASE, BUSY)
    try:
        repricing.refresh_from_db()
        if repricing.state not in ENDED:
            with warehouse() as ch:
                reprice(ch, lease, repricing, now)
    finally:
        give_lease_back(lease, now=now())


def describe(repricing: Repricing) -> str:
    slug = repricing.workspace.slug
    if repricing.problem:
        return f"{slug}: {repricing.problem}"
    return (
        f"{slug}: {repricing.rows} charges by rates {repricing.new_version}, "
        f"{total_difference(repricing).normalize():+f} USD"
    )

"""`manage.py close_month`: protect a month's costs from repricing, or open it again."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now

from finops.accounts.management.workspace_option import add_workspace_option, find_workspace
from finops.accounts.models import Workspace
from finops.clickhouse.client import Warehouse, warehouse
from finops.clickhouse.errors import WarehouseError
from finops.config import ConfigError
from finops.costing.closing import close_month, moved_since, reopen_month
from finops.costing.errors import MonthRefused
from finops.costing.management.month import month
from finops.costing.repricing import ClosedMonth


class Command(BaseCommand):
    help = (
        "Close a month (of UTC): its totals are frozen, and no repricing changes it unless forced. "
        "--reopen opens it again, --list shows what is closed and what moved since."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_workspace_option(parser)
        parser.add_argument("month", type=month, nargs="?", help="such as 2026-10")
        parser.add_argument("--why", default="", help="for the audit trail")
        other = parser.add_mutually_exclusive_group()
        other.add_argument("--reopen", action="store_true", help="needs --why")
        other.add_argument("--list", action="store_true", help="show closed months")

    def handle(self, **options: Any) -> None:
        workspace = find_workspace(options["workspace"])
        if options["month"] is None and not options["list"]:
            raise CommandError("Say which month, such as 2026-10, or --list.")
        try:
            with warehouse() as ch:
                self.stdout.write(self.do(ch, workspace, options))
        except (MonthRefused, WarehouseError, ConfigError) as error:
            raise CommandError(str(error)) from None

    def do(self, ch: Warehouse, workspace: Workspace, options: dict[str, Any]) -> str:
        months = workspace.closed_months.filter(reopened_at=None).order_by("month")
        if options["list"]:
            return "\n".join(describe(ch, closed) for closed in months) or "No month is closed."
        if not options["reopen"]:
            closed = close_month(
                ch, workspace, options["month"], actor=None, now=now(), why=options["why"]
            )
            return f"closed {describe(ch, closed)}"
        found = months.filter(month=options["month"]).first()
        if found is None:
            raise CommandError(f"{options['month']:%Y-%m} is not closed.")
        reopen_month(found, actor=None, now=now(), why=options["why"])
        return f"{found.month:%Y-%m} is open again"


def describe(ch: Warehouse, closed: ClosedMonth) -> str:
    """One line: the month, what was frozen, and by how much it moved since."""
    line = f"{closed.month:%Y-%m}: {closed.calls} calls, {closed.cost_usd.normalize():f} USD"
    moved = moved_since(ch, closed)
    if moved.still:
        return line
    return f"{line}; since closing {moved.calls:+} calls, {moved.cost_usd.normalize():+f} USD"

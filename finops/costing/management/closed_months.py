"""What commands that change the past say to closed months: no, or why."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandError

from finops.accounts.audit import record
from finops.accounts.models import Workspace
from finops.costing.closing import closed_in, refuse_closed
from finops.costing.errors import MonthClosed


def add_force_options(parser: ArgumentParser) -> None:
    """Add --force and --why, which `pass_closed_months` reads."""
    parser.add_argument("--force", action="store_true", help="closed months, too; needs --why")
    parser.add_argument("--why", default="", help="for the audit trail of closed months")


def pass_closed_months(
    workspaces: Iterable[Workspace], options: dict[str, Any], action: str
) -> None:
    """Refuse a range with closed months; forced, write down in their audit trails who asked."""
    concerned = list(workspaces)
    start, end, why = options["start"], options["end"], options["why"].strip()
    if not options["force"]:
        try:
            refuse_closed(concerned, start, end)
        except MonthClosed as error:
            raise CommandError(str(error)) from None
        return
    if not why:
        raise CommandError("--force needs --why: closed months are changed for a reason.")
    for workspace in concerned:
        if closed := closed_in(workspace, start, end):
            record(workspace, None, action, ", ".join(f"{m:%Y-%m}" for m in closed), why=why)

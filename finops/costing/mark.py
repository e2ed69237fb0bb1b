"""Marking what has to be priced anew: a row for each workspace that a change of rates touches."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from finops.accounts.models import User, Workspace
from finops.costing.closing import refuse_closed
from finops.costing.repricing import Repricing
from finops.pricing.rate import FOREVER
from finops.pricing.rate_change import RateChange

# Charges are forgotten after this long, so nothing before it can be priced anew.
CHARGES_KEPT = timedelta(days=799)


def mark_changed(change: RateChange, *, now: datetime) -> list[Repricing]:
    """Mark the time of a change; nothing for one that begins later, for calls find it in force.

    The end stays open where the change's is: calls that are charged by the old rates meanwhile
    belong to it, too.
    """
    start, end = max(change.start, now - CHARGES_KEPT), change.end or FOREVER
    if start >= now or start >= end:
        return []
    workspaces = [change.workspace] if change.workspace is not None else Workspace.objects.all()
    return [
        Repricing.objects.create(
            workspace=workspace,
            start=start,
            end=end,
            cause=change.cause[:200],
            who=change.who,
            key=change.key,
            why=change.why,
            created_at=now,
        )
        for workspace in workspaces
    ]


def ask_for_repricing(
    workspace: Workspace,
    start: datetime,
    end: datetime,
    *,
    who: User | None,
    why: str,
    now: datetime,
    forced: bool = False,
    key: str = "",
) -> Repricing:
    """Mark a range that a person asks for, all of it; raises MonthClosed unless forced.

    What lies before the oldest charge or after all time is cut off.
    """
    start, end = max(start, now - CHARGES_KEPT), min(end, FOREVER)
    if not forced:
        refuse_closed([workspace], start, end)
    return Repricing.objects.create(
        workspace=workspace,
        start=start,
        end=end,
        cause="asked for",
        who=who,
        key=key,
        why=why,
        forced=forced,
        whole=True,
        created_at=now,
    )


def hear(sender: Any, change: RateChange, **_: Any) -> None:
    """Mark what pricing announces."""
    mark_changed(change, now=timezone.now())

"""Closed months: what was reported for a month stays, or is seen to have moved.

A month is a month of UTC. A closed one is left out of every repricing, recomputation and allocation
of GPU hours unless forced, with a reason. Late calls are charged all the same, for hiding them
would be worse: the month's totals were frozen when it was closed, so what it moved by since is
always known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from finops.accounts.audit import record
from finops.accounts.models import User, Workspace
from finops.clickhouse.client import Warehouse
from finops.costing.allocation.said import pools_of
from finops.costing.allocation.worklist import due_hours
from finops.costing.errors import MonthClosed, MonthRefused
from finops.costing.repricing import ClosedMonth, Repricing

ZERO = Decimal(0)
FIRST_MONTH = date(2000, 1, 1)
TOTALS = """
SELECT tenant, toStartOfMonth(hour) AS month, sum(calls) AS calls, sum(cost_usd) AS cost_usd
FROM usage_hourly FINAL
WHERE workspace_id = {workspace:UInt64}
    AND hour >= {start:DateTime('UTC')} AND hour < {end:DateTime('UTC')}
GROUP BY tenant, month
ORDER BY month, tenant
"""


@dataclass(frozen=True, slots=True)
class TenantMonth:
    """What one tenant's calls of a month cost, as the hourly sums have it."""

    tenant: str
    month: date
    calls: int
    cost_usd: Decimal


@dataclass(frozen=True, slots=True)
class Moved:
    """By how much a closed month differs from what was frozen."""

    calls: int
    cost_usd: Decimal

    @property
    def still(self) -> bool:
        return not self.calls and not self.cost_usd


def first_moment(month: date) -> datetime:
    return datetime.combine(month.replace(day=1), time(), UTC)


def month_after(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def months_of(start: datetime, end: datetime) -> Iterator[date]:
    """Yield the first day of each month that [start, end) touches."""
    month = start.astimezone(UTC).date().replace(day=1)
    while first_moment(month) < end:
        yield month
        month = month_after(month)


def totals(ch: Warehouse, workspace_id: int, start: datetime, end: datetime) -> list[TenantMonth]:
    """Return sums by tenant and month over whole hours of [start, end)."""
    rows = ch.query(TOTALS, {"workspace": workspace_id, "start": start, "end": end})
    return [TenantMonth(**row) for row in rows]


def closed_in(workspace: Workspace, start: datetime, end: datetime) -> list[date]:
    """Return the closed months that [start, end) touches."""
    first = start.astimezone(UTC).date().replace(day=1)
    found = ClosedMonth.objects.filter(
        workspace=workspace, reopened_at=None, month__gte=first, month__lte=end.astimezone(UTC)
    )
    return sorted(
        month for month in found.values_list("month", flat=True) if first_moment(month) < end
    )


def refuse_closed(workspaces: Iterable[Workspace], start: datetime, end: datetime) -> None:
    """Raise MonthClosed where [start, end) touches a closed month of one of the workspaces."""
    for workspace in workspaces:
        closed = closed_in(workspace, start, end)
        if closed:
            raise MonthClosed(workspace.slug, [f"{month:%Y-%m}" for month in closed])


def gpu_hours_due(
    ch: Warehouse, workspace: Workspace, start: datetime, end: datetime, now: datetime
) -> int:
    """Count the hours whose GPU bills are missing or out of date: closed, they would stay so."""
    due = due_hours(ch, workspace.pk, pools_of(workspace), now)
    return sum(start <= one.hour < end for one in due)


def close_month(
    ch: Warehouse,
    workspace: Workspace,
    month: date,
    *,
    actor: User | None,
    now: datetime,
    why: str = "",
    key: str = "",
) -> ClosedMonth:
    """Freeze a month's totals and protect it; raises MonthRefused, WarehouseError."""
    month = month.replace(day=1)
    start, end = first_moment(month), first_moment(month_after(month))
    if month < FIRST_MONTH:
        raise MonthRefused(f"No call is older than {FIRST_MONTH:%Y-%m}.")
    if end > now:
        raise MonthRefused(
            f"{month:%Y-%m} isn't over: it can be closed from {end:%Y-%m-%d} UTC on."
        )
    busy = Repricing.objects.filter(
        workspace=workspace, state__in=("waiting", "running"), start__lt=end, end__gt=start
    )
    if busy.exists():
        raise MonthRefused(f"{month:%Y-%m} is about to be repriced: close it when that is done.")
    if gpu_hours_due(ch, workspace, start, end, now):
        raise MonthRefused(
            f"GPU hours of {month:%Y-%m} are still to be allocated, which takes some minutes: "
            "close it when that is done."
        )
    found = totals(ch, workspace.pk, start, end)
    try:
        with transaction.atomic():
            closed = ClosedMonth.objects.create(
                workspace=workspace,
                month=month,
                who=actor,
                why=why.strip(),
                closed_at=now,
                calls=sum(row.calls for row in found),
                cost_usd=sum((row.cost_usd for row in found), ZERO),
                by_tenant={row.tenant: str(row.cost_usd) for row in found},
            )
            note(closed, actor, "month.closed", key=key, why=closed.why)
    except IntegrityError:
        raise MonthRefused(f"{month:%Y-%m} is closed already.") from None
    return closed


def reopen_month(
    closed: ClosedMonth, *, actor: User | None, now: datetime, why: str, key: str = ""
) -> ClosedMonth:
    """Let repricings change a month again; raises MonthRefused where it is open, or without why.

    What changes of rates left out because the month was closed is marked, to be priced anew now.
    """
    if not why.strip():
        raise MonthRefused("Say why the month is opened again: the audit trail keeps it.")
    with transaction.atomic():
        opened = ClosedMonth.objects.filter(pk=closed.pk, reopened_at=None).update(
            reopened_at=now, reopened_by=actor, reopened_why=why.strip()
        )
        if not opened:
            raise MonthRefused(f"{closed.month:%Y-%m} is open already.")
        note(closed, actor, "month.reopened", key=key, why=why.strip())
        Repricing.objects.create(
            workspace=closed.workspace,
            start=first_moment(closed.month),
            end=first_moment(month_after(closed.month)),
            cause=f"{closed.month:%Y-%m} was opened again",
            who=actor,
            key=key,
            why=why.strip(),
            created_at=now,
        )
    closed.refresh_from_db()
    return closed


def note(closed: ClosedMonth, actor: User | None, action: str, **detail: Any) -> None:
    record(
        closed.workspace,
        actor,
        action,
        f"{closed.month:%Y-%m}",
        calls=closed.calls,
        cost_usd=str(closed.cost_usd),
        **detail,
    )


def moved_since(ch: Warehouse, closed: ClosedMonth) -> Moved:
    """Compare a closed month's totals with those that were frozen."""
    start, end = first_moment(closed.month), first_moment(month_after(closed.month))
    found = totals(ch, closed.workspace.pk, start, end)
    return Moved(
        calls=sum(row.calls for row in found) - closed.calls,
        cost_usd=sum((row.cost_usd for row in found), ZERO) - closed.cost_usd,
    )

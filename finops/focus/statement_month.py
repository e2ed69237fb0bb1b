"""The month of a statement: which one, and whether its numbers can still change."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from finops.accounts.models import Workspace
from finops.costing.closing import first_moment, month_after
from finops.costing.repricing import ClosedMonth
from finops.focus.errors import InvalidMonth
from finops.queries import Range

FORM = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Standing:
    """Closed, or provisional and why. `frozen` is what each tenant's calls cost at the closing."""

    closed_at: datetime | None
    why: str = ""
    frozen: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def closed(self) -> bool:
        return self.closed_at is not None

    def moved_usd(self, tenant: str, cost_usd: Decimal) -> Decimal:
        """By how much a tenant's calls differ from what was closed: calls that came late."""
        return cost_usd - self.frozen.get(tenant, Decimal(0)) if self.closed else Decimal(0)


def read_month(text: str, now: datetime) -> date:
    """Read 2026-11 as the first day of that month of UTC; raises InvalidMonth."""
    found = FORM.fullmatch(text.strip())
    if found is None:
        raise InvalidMonth("Give a month such as 2026-11.")
    month = date(int(found[1]), int(found[2]), 1)
    if first_moment(month) > now:
        raise InvalidMonth(f"{month:%Y-%m} hasn't begun yet, in UTC.")
    return month


def span_of(month: date) -> Range:
    return Range(first_moment(month), first_moment(month_after(month)))


def standing_of(workspace: Workspace, month: date, now: datetime) -> Standing:
    """Say whether a month is closed."""
    closed = ClosedMonth.objects.filter(workspace=workspace, month=month, reopened_at=None).first()
    if closed is not None:
        frozen = {tenant: Decimal(usd) for tenant, usd in closed.by_tenant.items()}
        return Standing(closed.closed_at, frozen=frozen)
    if span_of(month).end > now:
        return Standing(None, "the month isn't over")
    return Standing(None, "the month isn't closed yet")

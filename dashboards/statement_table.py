"""Tenants by months: what each paid, linked to its statement, and what is nobody's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.urls import reverse

from dashboards.amounts import Figure, usd
from finops.focus.statement_month import Standing
from finops.queries.statement import TenantMonth

ZERO = Decimal(0)
NOBODY = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One tenant's month; `url` is empty where there is no statement."""

    figure: Figure | None
    url: str = ""
    unpriced: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """A tenant and its months."""

    name: str
    cells: list[Cell]

    @property
    def newest(self) -> Cell:
        return self.cells[0]


@dataclass(frozen=True, slots=True)
class Head:
    """A month over its column."""

    text: str
    full: str
    closed: bool
    standing: str


@dataclass(frozen=True, slots=True)
class StatementTable:
    """The whole table; `nobodys` and `totals` stand under the tenants."""

    heads: list[Head]
    lines: list[Line]
    nobodys: list[Cell]
    totals: list[Cell]

    @property
    def empty(self) -> bool:
        return not any(cell.figure for cell in self.totals)


def statement_table(
    found: Sequence[TenantMonth], months: Sequence[tuple[date, Standing]]
) -> StatementTable:
    """Lay the months out, newest first; tenants by what they cost in it, then in the one before."""
    by_tenant: dict[str, dict[date, TenantMonth]] = defaultdict(dict)
    for one in found:
        by_tenant[one.tenant][one.month] = one
    firsts = [month for month, _ in months]  # newest first, as the columns

    def costs(tenant: str) -> tuple[Decimal, ...]:
        known = by_tenant[tenant]
        return tuple(-known[m].cost_usd if m in known else ZERO for m in firsts)

    tenants = sorted((name for name in by_tenant if name != NOBODY), key=lambda t: (costs(t), t))
    nameless = by_tenant.get(NOBODY, {})
    return StatementTable(
        heads=[head(month, standing) for month, standing in months],
        lines=[
            Line(tenant, [cell(tenant, by_tenant[tenant].get(month)) for month in firsts])
            for tenant in tenants
        ],
        nobodys=[cell(NOBODY, nameless.get(month)) for month in firsts],
        totals=[total(found, month) for month in firsts],
    )


def head(month: date, standing: Standing) -> Head:
    closed = f"closed on {standing.closed_at:%Y-%m-%d}" if standing.closed_at else ""
    return Head(
        f"{month:%b %Y}",
        f"{month:%B %Y}",
        standing.closed,
        closed or f"provisional: {standing.why}",
    )


def cell(tenant: str, one: TenantMonth | None) -> Cell:
    if one is None:
        return Cell(None)
    unknown = one.unpriced_calls and not one.cost_usd
    url = reverse("statement", args=(f"{one.month:%Y-%m}", tenant)) if tenant else ""
    return Cell(usd(None if unknown else one.cost_usd), url, one.unpriced_calls)


def total(found: Sequence[TenantMonth], month: date) -> Cell:
    of_month = [one for one in found if one.month == month]
    if not of_month:
        return Cell(None)
    return Cell(usd(sum((one.cost_usd for one in of_month), ZERO)))

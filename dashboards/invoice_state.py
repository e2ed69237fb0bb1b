"""What the address of /invoices says: which days, whose bill, and what is tolerated."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from urllib.parse import urlencode

from django.http import QueryDict

from finops.invoices.rows import Terms
from finops.queries import InvalidRange
from finops.queries.invoiced import Days

USUAL_DAYS = 30
USUAL_TOLERANCE = "1"


@dataclass(frozen=True, slots=True)
class InvoiceState:
    """What to show; `explicit` are the pairs of the page's own address."""

    days: Days
    provider: str
    terms: Terms
    tolerance: str
    all_rows: bool
    explicit: dict[str, str]
    notes: list[str] = field(default_factory=list)

    def url(self, **changes: str | None) -> str:
        """This page with some parameters changed; None removes one."""
        pairs = {**self.explicit, **changes}
        return "?" + urlencode({name: value for name, value in pairs.items() if value})

    def month(self, first: date) -> str:
        """This page for a calendar month."""
        return self.url(**{"from": first.isoformat(), "to": last_of(first).isoformat()}, rows=None)


def read_invoice_state(query: QueryDict, *, today: date, billed: Days | None) -> InvoiceState:
    """Read an address; without days it is the newest month that is billed."""
    notes: list[str] = []
    usual = billed or Days(today - timedelta(days=USUAL_DAYS - 1), today)
    tolerance = query.get("tolerance", USUAL_TOLERANCE)[:12]
    terms = read_terms(tolerance, notes)
    return InvoiceState(
        days=read_days(query, usual, notes),
        provider=query.get("provider", "")[:100],
        terms=terms,
        tolerance=f"{(terms.share * 100).normalize():f}",
        all_rows=query.get("rows") == "all",
        explicit={
            name: str(query[name])[:100]
            for name in ("from", "to", "provider", "tolerance", "rows")
            if query.get(name)
        },
        notes=notes,
    )


def read_days(query: QueryDict, usual: Days, notes: list[str]) -> Days:
    """Both days are part of it; a time, as dragging over the chart gives, counts for its day."""
    if not query.get("from") and not query.get("to"):
        return usual
    try:
        last = date.fromisoformat(str(query["to"])[:10]) if query.get("to") else usual.last
        first = date.fromisoformat(str(query["from"])[:10]) if query.get("from") else last
        return Days(first, last)
    except InvalidRange as error:
        notes.append(str(error))
    except ValueError:
        notes.append("Those days can't be read; they are written as 2026-11-21.")
    return usual


def read_terms(text: str, notes: list[str]) -> Terms:
    try:
        percent = Decimal(text)
        if percent.is_finite() and 0 <= percent <= 100:
            return Terms(share=percent / 100)
    except InvalidOperation:
        pass
    notes.append("The tolerance is a percentage from 0 to 100.")
    return Terms()


def last_of(first: date) -> date:
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)

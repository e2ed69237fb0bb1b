"""The Invoices page: what was billed beside what was captured, each gap with its reason."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboards.amounts import share, usd
from dashboards.asking import Asker
from dashboards.invoice_chart import captured, invoice_chart
from dashboards.invoice_form import UploadForm
from dashboards.invoice_rows import (
    SHOWN,
    bill_line,
    gap_lines,
    provider_lines,
    rate_tone,
    reason_lines,
)
from dashboards.invoice_state import InvoiceState, last_of, read_invoice_state
from finops.accounts.access import WorkspaceRequest, has_role, require_role
from finops.accounts.models import Role, Workspace
from finops.invoices.compare import compare
from finops.invoices.formats import TITLES
from finops.invoices.models import Invoice
from finops.invoices.reconcile import Reconciliation
from finops.queries.invoiced import Days, billed_span, lines_of_day, standings

INVOICES_SHOWN = 100
LINES_SHOWN = 200


@require_safe
@require_role(Role.VIEWER)
def invoices_page(request: WorkspaceRequest) -> HttpResponse:
    """Show the reconciliation of the days in the address, and the invoices."""
    workspace, asker = request.workspace, Asker()
    span = asker.ask(lambda ch: billed_span(ch, workspace.pk))
    state = read_invoice_state(request.GET, today=timezone.now().date(), billed=span.value)
    found = asker.ask(
        lambda ch: compare(ch, workspace, state.days, provider=state.provider, terms=state.terms)
    )
    context: dict[str, Any] = {
        "state": state,
        "found": found,
        "invoices": invoice_lines(workspace, asker),
        "months": months(state, span.value),
        "csv_url": csv_url(state),
        "form": UploadForm(label_suffix=""),
        "may_write": has_role(request.membership, Role.ANALYST),
        "may_delete": has_role(request.membership, Role.ADMIN),
    }
    if found.value is not None:
        context |= shown(found.value, state)
    return render(request, "dashboards/invoices.html", context)


def shown(found: Reconciliation, state: InvoiceState) -> dict[str, Any]:
    """The parts of the page that come from a reconciliation."""
    total = found.total
    return {
        "total": total,
        "rate": share(total.capture_rate),
        "rate_tone": rate_tone(total.capture_rate),
        "billed": usd(total.billed_usd),
        "billed_usage": usd(total.billed_usage_usd),
        "captured": usd(captured(total)),
        "captured_of_billed": usd(total.captured_of_billed_usd),
        "gap": usd(total.gap_usd),
        "foreign": total.foreign,
        "providers": provider_lines(found, lambda name: state.url(provider=name)),
        "all_url": state.url(provider=None),
        "reasons": reason_lines(total),
        "chart": invoice_chart(found),
        "rows": gap_lines(found.rows, shown=None if state.all_rows else SHOWN),
        "row_count": len(found.rows),
        "more_url": "" if state.all_rows or len(found.rows) <= SHOWN else state.url(rows="all"),
        "not_invoiced": [
            (name or "none", usd(cost)) for name, cost in found.not_invoiced.items() if cost
        ],
    }


@require_safe
@require_role(Role.VIEWER)
def invoice_day(request: WorkspaceRequest) -> HttpResponse:
    """Show one day, ?day=2026-11-21, by service tier, with the lines of the bills behind it."""
    try:
        day = date.fromisoformat(request.GET.get("day", ""))
        days = Days(day, day)
    except ValueError:
        raise Http404("no such day") from None
    workspace, asker = request.workspace, Asker()
    found = asker.ask(lambda ch: compare(ch, workspace, days, by_tier=True))
    lines = asker.ask(lambda ch: lines_of_day(ch, workspace.pk, days.first, limit=LINES_SHOWN))
    context = {
        "day": days.first,
        "found": found,
        "rows": gap_lines(found.value.rows, shown=None) if found.value else [],
        "problem": lines.problem,
        "lines": [bill_line(row) for row in lines.value or []],
        "lines_shown": LINES_SHOWN,
    }
    return render(request, "dashboards/invoice_day.html", context)


def invoice_lines(workspace: Workspace, asker: Asker) -> list[dict[str, Any]]:
    """The invoices, the newest first, with how many of their lines still hold."""
    invoices = (
        workspace.invoices.exclude(state=Invoice.State.DRAFT)
        .defer("content")
        .select_related("who")
        .order_by("-created_at")[:INVOICES_SHOWN]
    )
    known = asker.ask(lambda ch: standings(ch, workspace.pk))
    return [
        {
            "invoice": one,
            "title": TITLES.get(one.format, one.format),
            "totals": ", ".join(
                f"{Decimal(text):,.2f} {code}" for code, text in one.totals.items()
            ),
            "in_force": known.value[one.pk].lines if known.value and one.pk in known.value else 0,
            "known": known.value is not None,
        }
        for one in invoices
    ]


def months(state: InvoiceState, span: Days | None) -> list[dict[str, Any]]:
    """The newest billed month and the two before it, as links."""
    first = (span.last if span else state.days.last).replace(day=1)
    found = []
    for _ in range(3):
        current = (state.days.first, state.days.last) in (
            (first, last_of(first)),
            (first, span.last if span else last_of(first)),
        )
        found.append({"name": f"{first:%b %Y}", "url": state.month(first), "current": current})
        first = (first - timedelta(days=1)).replace(day=1)
    return found[::-1]


def csv_url(state: InvoiceState) -> str:
    """The API's CSV of the rows; its `to` is not part of the range."""
    parts = {
        "format": "csv",
        "from": state.days.first.isoformat(),
        "to": (state.days.last + timedelta(days=1)).isoformat(),
        "provider": state.provider,
        "tolerance_percent": state.tolerance,
    }
    pairs = {name: value for name, value in parts.items() if value}
    return f"{reverse('api-reconciliation')}?{urlencode(pairs)}"

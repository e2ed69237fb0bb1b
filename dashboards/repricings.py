"""/rates/repricings: what was priced anew and what it changed; closing and opening months."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from dashboards.amounts import Figure, usd
from dashboards.asking import AWAY, Asker
from finops.accounts.access import WorkspaceRequest, has_role, require_role
from finops.accounts.models import Role, Workspace
from finops.clickhouse.client import warehouse
from finops.clickhouse.errors import WarehouseError
from finops.config import ConfigError
from finops.costing.closing import Moved, close_month, moved_since, reopen_month
from finops.costing.doubt import doubt_of
from finops.costing.errors import MonthRefused
from finops.costing.reprice import total_difference
from finops.costing.repricing import ClosedMonth, Repricing
from finops.pricing.wording import day_text

SHOWN = 50
TONES = {"done": "good", "refused": "warn", "failed": "bad"}


class CloseForm(forms.Form):
    """Which month of UTC to close."""

    month = forms.DateField(
        input_formats=["%Y-%m"],
        label="Month",
        error_messages={"invalid": "Write a month such as 2026-10."},
        widget=forms.TextInput(attrs={"placeholder": "2026-10", "autocomplete": "off"}),
    )
    why = forms.CharField(required=False, max_length=500, label="Why")


class ReopenForm(forms.Form):
    """Why a month is opened again."""

    why = forms.CharField(max_length=500)


@dataclass(frozen=True, slots=True)
class RepricingLine:
    """A repricing as the table shows it."""

    one: Repricing
    tone: str
    span: str
    versions: str
    total: Figure
    direction: str


@dataclass(frozen=True, slots=True)
class MonthLine:
    """A closed month: what was frozen and how it moved; `moved` None where that is unknown."""

    closed: ClosedMonth
    cost: Figure
    moved: Moved | None
    moved_usd: str


@require_safe
@require_role(Role.VIEWER)
def repricings_page(request: WorkspaceRequest) -> HttpResponse:
    """List repricings with their differences, and closed months."""
    return render(request, "dashboards/repricings.html", context_of(request))


@require_POST
@require_role(Role.ADMIN)
def close_month_page(request: WorkspaceRequest) -> HttpResponse:
    """Close a month."""
    form = CloseForm(request.POST, label_suffix="")
    if form.is_valid():
        data = form.cleaned_data
        try:
            with warehouse() as ch:
                closed = close_month(
                    ch,
                    request.workspace,
                    data["month"],
                    actor=request.user,
                    now=timezone.now(),
                    why=data["why"],
                )
        except MonthRefused as refused:
            form.add_error("month", str(refused))
        except (WarehouseError, ConfigError):
            form.add_error(None, AWAY)
        else:
            cost = usd(closed.cost_usd).short
            messages.success(request, f"{closed.month:%Y-%m} is closed at {cost}.")
            return redirect("repricings")
    return render(
        request, "dashboards/repricings.html", {**context_of(request), "form": form}, status=400
    )


@require_POST
@require_role(Role.ADMIN)
def reopen_month_page(request: WorkspaceRequest, closed_id: int) -> HttpResponse:
    """Open a closed month of this workspace again; another's doesn't exist here."""
    closed = get_object_or_404(ClosedMonth, pk=closed_id, workspace=request.workspace)
    form = ReopenForm(request.POST)
    why = form.cleaned_data["why"] if form.is_valid() else ""
    try:
        reopen_month(closed, actor=request.user, now=timezone.now(), why=why)
    except MonthRefused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, f"{closed.month:%Y-%m} is open: repricing changes it again.")
    return redirect("repricings")


def context_of(request: WorkspaceRequest) -> dict[str, Any]:
    workspace = request.workspace
    found = workspace.repricings.select_related("who").order_by("-pk")
    return {
        "doubt": doubt_of(workspace),
        "lines": [line_of(one) for one in found[:SHOWN]],
        "months": month_lines(workspace),
        "form": CloseForm(label_suffix=""),
        "may_close": has_role(request.membership, Role.ADMIN),
    }


def month_lines(workspace: Workspace) -> list[MonthLine]:
    asker = Asker()
    lines = []
    closed_months = workspace.closed_months.filter(reopened_at=None)
    for closed in closed_months.select_related("who", "workspace").order_by("-month"):
        moved = asker.ask(partial(moved_since, closed=closed)).value
        lines.append(
            MonthLine(
                closed,
                usd(closed.cost_usd),
                moved,
                signed(moved.cost_usd) if moved is not None else "",
            )
        )
    return lines


def line_of(one: Repricing) -> RepricingLine:
    total = total_difference(one)
    return RepricingLine(
        one=one,
        tone=TONES.get(one.state, ""),
        span=f"{moment_text(one.start)} to {moment_text(one.end)}",
        versions=f"{', '.join(map(str, one.old_versions)) or '–'} → {one.new_version or '–'}",
        total=Figure(signed(total), f"{total:+f} USD"),
        direction="" if not total else "rise" if total > 0 else "fall",
    )


def moment_text(moment: datetime) -> str:
    """A day, or the minute; the far end of a change without one is 'now'."""
    return "now" if moment > datetime.now(UTC) else day_text(moment.replace(second=0))


def signed(amount: Decimal) -> str:
    short = usd(abs(amount)).short
    return short if not amount else f"{'+' if amount > 0 else '−'}{short}"

"""/rates/currency: what pages show money in, and the exchange rates that they do it by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from dashboards.currency_form import CurrencyForm, ExchangeRateForm, add_problem
from dashboards.money import read_money
from finops.accounts.access import WorkspaceRequest, has_role, require_role
from finops.accounts.models import Role, Workspace
from finops.pricing.errors import TermsRefused
from finops.pricing.exchange import (
    choose_currency,
    currency_of,
    remove_exchange_rate,
    set_exchange_rate,
)
from finops.pricing.models import ExchangeRate

RATES_SHOWN = 500


@dataclass(frozen=True, slots=True)
class RateLine:
    """An exchange rate as the table shows it; `holds`: it is the one of today."""

    rate: ExchangeRate
    per_usd: str
    holds: bool


@require_safe
@require_role(Role.VIEWER)
def currency_page(request: WorkspaceRequest) -> HttpResponse:
    """Show the currency and the exchange rates."""
    return show(request, CurrencyForm(initial=chosen(request.workspace), label_suffix=""), None)


@require_POST
@require_role(Role.ANALYST)
def choose_currency_page(request: WorkspaceRequest) -> HttpResponse:
    """Choose what pages show money in."""
    form = CurrencyForm(request.POST, label_suffix="")
    if form.is_valid():
        try:
            now_shown = choose_currency(
                request.workspace, form.cleaned_data["currency"], actor=request.user
            )
        except TermsRefused as refused:
            add_problem(form, refused)
        else:
            messages.success(request, f"Pages show {now_shown.currency}.")
            return redirect("currency")
    return show(request, form, None)


@require_POST
@require_role(Role.ANALYST)
def enter_exchange_rate(request: WorkspaceRequest) -> HttpResponse:
    """Enter an exchange rate, or correct the one of the same day."""
    form = ExchangeRateForm(request.POST, label_suffix="")
    if form.is_valid():
        try:
            rate = set_exchange_rate(request.workspace, **form.cleaned_data, actor=request.user)
        except TermsRefused as refused:
            add_problem(form, refused)
        else:
            messages.success(request, f"Entered: {rate}.")
            return redirect("currency")
    return show(request, CurrencyForm(initial=chosen(request.workspace), label_suffix=""), form)


@require_POST
@require_role(Role.ANALYST)
def take_back_exchange_rate(request: WorkspaceRequest, rate_id: int) -> HttpResponse:
    """Take an exchange rate back."""
    rate = get_object_or_404(ExchangeRate, pk=rate_id, workspace=request.workspace)
    remove_exchange_rate(rate, actor=request.user)
    messages.success(request, f"Taken back: {rate}.")
    return redirect("currency")


def show(
    request: WorkspaceRequest, choice: CurrencyForm, entry: ExchangeRateForm | None
) -> HttpResponse:
    workspace, now = request.workspace, timezone.now()
    initial = {**chosen(workspace), "day": now.date()}
    context = {
        "choice": choice,
        "entry": entry or ExchangeRateForm(initial=initial, label_suffix="", auto_id="rate_%s"),
        "money": read_money(workspace, now),
        "lines": rate_lines(workspace, now),
        "may_write": has_role(request.membership, Role.ANALYST),
    }
    failed = (entry is not None and entry.errors) or choice.errors
    return render(request, "dashboards/currency.html", context, status=400 if failed else 200)


def chosen(workspace: Workspace) -> dict[str, str]:
    return {"currency": currency_of(workspace)}


def rate_lines(workspace: Workspace, now: datetime) -> list[RateLine]:
    """The newest rates first; of each currency the one that holds today is marked."""
    held = workspace.exchange_rates.select_related("who").order_by("currency", "-day")
    lines, marked = [], set()
    for rate in held[:RATES_SHOWN]:
        holds = rate.currency not in marked and rate.day <= now.date()
        if holds:
            marked.add(rate.currency)
        lines.append(RateLine(rate, f"{rate.per_usd.normalize():f}", holds))
    return lines

"""/rates/contracts: what a workspace agreed with providers; agree another, end one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from dashboards.contract_form import ContractForm, EndForm, add_problem, midnight
from finops.accounts.access import WorkspaceRequest, has_role, require_role
from finops.accounts.models import Role
from finops.pricing.agree import agree_override, end_override
from finops.pricing.errors import OverrideRefused
from finops.pricing.meters import METERS
from finops.pricing.models import RateOverride
from finops.pricing.terms import override_of, tier_of, uses_of
from finops.pricing.wording import day_text, price_text


@dataclass(frozen=True, slots=True)
class ContractLine:
    """A contract as the table shows it."""

    override: RateOverride
    tier: str
    terms: list[str]
    since: str
    until: str
    state: str
    tone: str


@require_safe
@require_role(Role.VIEWER)
def rate_contracts_page(request: WorkspaceRequest) -> HttpResponse:
    """List contract rates, with who agreed them and why."""
    now = timezone.now()
    found = request.workspace.overrides.select_related("who")
    context = {
        "lines": [line_of(one, now) for one in found.order_by("provider", "model", "-valid_from")],
        "commitments": request.workspace.commitments.select_related("who").order_by("-valid_from"),
        "deployments": request.workspace.deployments.order_by("provider", "name", "-valid_from"),
        "may_write": has_role(request.membership, Role.ANALYST),
    }
    return render(request, "dashboards/rate_contracts.html", context)


@require_http_methods(["GET", "POST"])
@require_role(Role.ANALYST)
def new_contract_page(request: WorkspaceRequest) -> HttpResponse:
    """Agree a contract rate; ?provider= and ?model= fill in whose."""
    initial = {name: request.GET.get(name, "")[:200] for name in ("provider", "model")}
    form = ContractForm(request.POST or None, initial=initial, label_suffix="")
    if request.method == "POST" and form.is_valid():
        try:
            agreed = agree_override(
                override_of(request.workspace, form.terms()), actor=request.user
            )
        except OverrideRefused as refused:
            form.add_problem(refused.problem)
        else:
            messages.success(request, said(agreed, timezone.now()))
            return redirect("rate-contracts")
    return render(request, "dashboards/rate_contract_form.html", {"form": form})


@require_http_methods(["GET", "POST"])
@require_role(Role.ANALYST)
def end_contract_page(request: WorkspaceRequest, override_id: int) -> HttpResponse:
    """Ask when, then end a contract rate."""
    override = get_object_or_404(RateOverride, pk=override_id, workspace=request.workspace)
    form = EndForm(request.POST or None, label_suffix="")
    if request.method == "POST" and form.is_valid():
        try:
            end_override(override, midnight(form.cleaned_data["valid_to"]), actor=request.user)
        except OverrideRefused as refused:
            add_problem(form, refused.problem)
        else:
            day = form.cleaned_data["valid_to"]
            messages.success(request, f"Override {override.pk} ends on {day:%Y-%m-%d}.")
            return redirect("rate-contracts")
    line = line_of(override, timezone.now())
    return render(request, "dashboards/rate_contract_end.html", {"form": form, "line": line})


def said(override: RateOverride, now: datetime) -> str:
    """Say what happens now: earlier calls are repriced by the worker."""
    agreed = f"Override {override.pk} is agreed."
    if override.valid_from >= now:
        return f"{agreed} It holds from {day_text(override.valid_from)}."
    return f"{agreed} Calls since {day_text(override.valid_from)} are repriced: see Repricing."


def line_of(override: RateOverride, now: datetime) -> ContractLine:
    state, tone = "in force", "good"
    if override.valid_from > now:
        state, tone = "later", ""
    elif override.valid_to is not None and override.valid_to <= now:
        state, tone = "ended", ""
    return ContractLine(
        override=override,
        tier="every tier" if tier_of(override) == "any" else tier_of(override),
        terms=terms_of(override),
        since=day_text(override.valid_from),
        until=day_text(override.valid_to) if override.valid_to else "",
        state=state,
        tone=tone,
    )


def terms_of(override: RateOverride) -> list[str]:
    if override.discount_percent is not None:
        return [f"{override.discount_percent.normalize():f} % off the list"]
    prices = [
        f"{METERS[meter].label} {price_text(price)}"
        for meter, price in override.named_prices.items()
    ]
    return [*prices, *(f"{name} {price_text(usd)}" for name, usd in uses_of(override).items())]

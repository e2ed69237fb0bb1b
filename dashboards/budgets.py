"""The budgets pages: what is set, where it stands, what was told; set, change, pause, delete."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboards.budget_form import BudgetForm, initial_of, initial_of_new
from dashboards.budget_lines import alert_lines, budget_lines
from finops.accounts.access import WorkspaceRequest, has_role, require_role
from finops.accounts.models import Role
from finops.budgets.board import known_standings, known_tenants
from finops.budgets.change import change_budget, create_budget, delete_budget, send_again
from finops.budgets.models import Budget, BudgetAlert
from finops.budgets.period import month_of
from finops.budgets.wording import month_name
from finops.config import load_config

ALERTS_SHOWN = 50


@require_safe
@require_role(Role.VIEWER)
def budgets_page(request: WorkspaceRequest) -> HttpResponse:
    """List the workspace's budgets and its last alerts."""
    workspace, now, config = request.workspace, timezone.now(), load_config()
    budgets = list(workspace.budgets.order_by("-active", "tenant", "pk"))
    known = known_standings(workspace, budgets, now)
    alerts = BudgetAlert.objects.filter(budget__workspace=workspace).select_related("budget")
    context = {
        "lines": budget_lines(budgets, known or {}),
        "alerts": alert_lines(alerts.order_by("-pk")[:ALERTS_SHOWN], workspace.timezone),
        "month": month_name(month_of(now, workspace.timezone).first_day),
        "unknown": known is None,
        "outbox": f"{config.data_dir.name}/outbox" if config.email_url is None else "",
        "may_write": has_role(request.membership, Role.ANALYST),
    }
    return render(request, "dashboards/budgets.html", context)


@require_http_methods(["GET", "POST"])
@require_role(Role.ANALYST)
def new_budget_page(request: WorkspaceRequest) -> HttpResponse:
    """Set a budget; ?tenant= fills in whose."""
    initial = initial_of_new(request.user.email, request.GET.get("tenant", ""))
    form = BudgetForm(request.POST or None, initial=initial, label_suffix="")
    set_now = partial(create_budget, request.workspace, now=timezone.now(), actor=request.user)
    if budget := save(form, set_now):
        messages.success(request, f"The budget is set. {budget}.")
        return redirect("budgets")
    return form_page(request, form, None)


@require_http_methods(["GET", "POST"])
@require_role(Role.ANALYST)
def edit_budget_page(request: WorkspaceRequest, budget_id: int) -> HttpResponse:
    """Change a budget's amount, thresholds and recipients; whose it is stays."""
    budget = get_object_or_404(Budget, pk=budget_id, workspace=request.workspace)
    form = BudgetForm(request.POST or None, initial=initial_of(budget), label_suffix="")
    del form.fields["tenant"]
    change_now = partial(change_budget, budget, now=timezone.now(), actor=request.user)
    if changed := save(form, change_now):
        messages.success(request, f"The budget is changed. {changed}.")
        return redirect("budgets")
    return form_page(request, form, budget)


@require_POST
@require_role(Role.ANALYST)
def switch_budget(request: WorkspaceRequest, budget_id: int) -> HttpResponse:
    """Pause a budget with active=0, resume it with active=1."""
    budget = get_object_or_404(Budget, pk=budget_id, workspace=request.workspace)
    active = request.POST.get("active") == "1"
    try:
        change_budget(budget, {"active": active}, now=timezone.now(), actor=request.user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        done = "watched again" if active else "paused: nothing is told until you resume it"
        messages.success(request, f"{budget.scope_name} is {done}.")
    return redirect("budgets")


@require_http_methods(["GET", "POST"])
@require_role(Role.ANALYST)
def delete_budget_page(request: WorkspaceRequest, budget_id: int) -> HttpResponse:
    """Ask, then delete a budget with its alerts."""
    budget = get_object_or_404(Budget, pk=budget_id, workspace=request.workspace)
    if request.method != "POST":
        return render(request, "dashboards/budget_delete.html", {"budget": budget})
    delete_budget(budget, actor=request.user)
    messages.success(request, f"The budget is deleted. {budget}.")
    return redirect("budgets")


@require_POST
@require_role(Role.ANALYST)
def send_alert_again(request: WorkspaceRequest, alert_id: int) -> HttpResponse:
    """Put an alert whose e-mail was refused back in line."""
    alert = get_object_or_404(BudgetAlert, pk=alert_id, budget__workspace=request.workspace)
    if send_again(alert, now=timezone.now(), actor=request.user):
        messages.success(request, "The e-mail goes out within a minute.")
    else:
        messages.warning(request, "This e-mail did not fail, so it is not sent again.")
    return redirect("budgets")


def save(form: BudgetForm, put: Callable[[dict[str, Any]], Budget]) -> Budget | None:
    """Put what a form says into force; None leaves the form with its errors."""
    if not form.is_valid():
        return None
    try:
        return put(form.values())
    except ValidationError as error:
        form.add_errors(error)
        return None


def form_page(request: WorkspaceRequest, form: BudgetForm, budget: Budget | None) -> HttpResponse:
    context: dict[str, Any] = {"form": form, "budget": budget}
    if budget is None:
        context["tenants"] = known_tenants(request.workspace, timezone.now())
    return render(request, "dashboards/budget_form.html", context)

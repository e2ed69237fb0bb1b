"""/rates/deployments: which model is billed for a name of the workspace's own."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from dashboards.agreement_end import end_page
from dashboards.contract_form import add_problem
from dashboards.deployment_form import DeploymentForm
from finops.accounts.access import WorkspaceRequest, has_role, require_role
from finops.accounts.models import Role
from finops.pricing.errors import TermsRefused
from finops.pricing.models import Deployment
from finops.pricing.name_deployment import end_deployment, name_deployment


@require_safe
@require_role(Role.VIEWER)
def deployments_page(request: WorkspaceRequest) -> HttpResponse:
    """List the deployments of the workspace, those that ended last."""
    found = request.workspace.deployments.select_related("who")
    context = {
        "deployments": found.order_by("provider", "name", "-valid_from"),
        "now": timezone.now(),
        "may_write": has_role(request.membership, Role.ANALYST),
    }
    return render(request, "dashboards/deployments.html", context)


@require_http_methods(["GET", "POST"])
@require_role(Role.ANALYST)
def name_deployment_page(request: WorkspaceRequest) -> HttpResponse:
    """Say which model a deployment is; ?provider= and ?name= fill in which."""
    initial = {name: request.GET.get(name, "")[:200] for name in ("provider", "name")}
    form = DeploymentForm(request.POST or None, initial=initial, label_suffix="")
    if request.method == "POST" and form.is_valid():
        deployment = Deployment(workspace=request.workspace, **form.terms())
        try:
            name_deployment(deployment, actor=request.user)
        except TermsRefused as refused:
            add_problem(form, refused.problem)
        else:
            messages.success(request, f"{deployment.name} is billed as {deployment.model}.")
            return redirect("deployments")
    return render(request, "dashboards/deployment_form.html", {"form": form})


@require_http_methods(["GET", "POST"])
@require_role(Role.ANALYST)
def end_deployment_page(request: WorkspaceRequest, deployment_id: int) -> HttpResponse:
    """Ask from when on a deployment is another model."""
    deployment = get_object_or_404(Deployment, pk=deployment_id, workspace=request.workspace)
    return end_page(
        request,
        f"{deployment.provider}/{deployment.name} is {deployment.model}",
        lambda moment: end_deployment(deployment, moment, actor=request.user),
        lambda day: f"{deployment.name} is that until {day:%Y-%m-%d}.",
        back="deployments",
    )

"""Who is a member of the workspace, and as what."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from finops.accounts.access import WorkspaceRequest, require_role
from finops.accounts.models import Role


@require_safe
@require_role(Role.VIEWER)
def members_page(request: WorkspaceRequest) -> HttpResponse:
    """List the members by e-mail address; every member may see it."""
    members = request.workspace.memberships.select_related("user").order_by("user__email")
    return render(request, "accounts/members.html", {"members": members})

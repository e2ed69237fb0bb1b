"""What the page of a workspace without data asks every few seconds: is the first call there?"""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboards.asking import Asker
from finops.accounts.access import WorkspaceRequest, require_role
from finops.accounts.models import Role
from finops.queries import coverage


@require_safe
@never_cache
@require_role(Role.VIEWER)
def waiting(request: WorkspaceRequest) -> HttpResponse:
    """Tell htmx to load the page again once a call is charged; nothing before."""
    known = Asker().ask(lambda ch: coverage(ch, request.workspace.pk))
    headers = {"HX-Refresh": "true"} if known.value else {}
    return HttpResponse(status=204 if not headers else 200, headers=headers)

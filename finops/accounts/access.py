"""Which workspace a session works in, and what its user may do there.

    NotAllowed    the user is no member, or the role is too small; answered with 403

A form carries the workspace that it was made for (accounts/form_start.html): where another tab has
switched meanwhile, nothing is done and the answer is a 409.

A workspace that the user is no member of doesn't exist for that user: asking for it is a 404, so
that nobody learns which slugs are taken.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from finops.accounts.models import Membership, Role, User, Workspace
from finops.error_pages import answer

SESSION_KEY = "workspace"
PARAMETER = "workspace"
NO_WORKSPACE = ("/healthz",)
API = "/api/"
RANK = {Role.VIEWER: 0, Role.ANALYST: 1, Role.ADMIN: 2, Role.OWNER: 3}

P = ParamSpec("P")
Respond = Callable[[HttpRequest], HttpResponse]


class NotAllowed(PermissionDenied):
    """The user is no member of a workspace, or the role there is too small."""

    code = "not_allowed"
    retryable = False


class WorkspaceRequest(HttpRequest):
    """A request behind `require_role`: its user is a member of its workspace."""

    user: User
    workspace: Workspace
    membership: Membership


def workspace_middleware(get_response: Respond) -> Respond:
    """Set request.workspace and request.membership, None where there are none.

    ?workspace=slug on a GET switches and is kept in the session, so links can name their workspace;
    the API takes no such parameter.
    Addresses in NO_WORKSPACE must answer without the database and have none.
    """

    def respond(request: HttpRequest) -> HttpResponse:
        membership = None
        if request.path not in NO_WORKSPACE and request.user.is_authenticated:
            membership = choose_membership(request)
        request.membership = membership  # type: ignore[attr-defined]
        request.workspace = membership.workspace if membership else None  # type: ignore[attr-defined]
        return get_response(request)

    return respond


def choose_membership(request: HttpRequest) -> Membership | None:
    """The membership that was asked for, else the session's, else the first by name.

    Raises Http404 when a workspace is asked for that the user is no member of.
    """
    memberships = list(memberships_of(cast(User, request.user)))
    is_link = request.method in ("GET", "HEAD") and not request.path.startswith(API)
    asked = request.GET.get(PARAMETER) if is_link else None
    if asked is not None:
        chosen = next((m for m in memberships if m.workspace.slug == asked), None)
        if chosen is None:
            raise Http404("no such workspace")
        if request.session.get(SESSION_KEY) != chosen.workspace_id:
            request.session[SESSION_KEY] = chosen.workspace_id
        return chosen
    kept = request.session.get(SESSION_KEY)
    in_session = (m for m in memberships if m.workspace_id == kept)
    return next(in_session, memberships[0] if memberships else None)


def memberships_of(user: User) -> list[Membership]:
    """The user's memberships with their workspaces, by the workspace's name; for the switcher."""
    found = Membership.objects.filter(user=user).select_related("workspace")
    return list(found.order_by("workspace__name", "workspace_id"))


def has_role(membership: Membership | None, least: Role) -> bool:
    """Say whether a membership's role is `least` or larger."""
    return membership is not None and RANK[Role(membership.role)] >= RANK[least]


def is_for(request: HttpRequest, workspace: Workspace) -> bool:
    """Say whether a form was made while its user worked in this workspace."""
    return request.POST.get(PARAMETER) == workspace.slug


def require_role(
    least: Role,
) -> Callable[
    [Callable[Concatenate[WorkspaceRequest, P], HttpResponse]],
    Callable[Concatenate[HttpRequest, P], HttpResponse],
]:
    """Let a view run only for members of request.workspace with this role or a larger one.

    Someone who isn't logged in is sent to the login page; else NotAllowed is raised. A form that
    was made for another workspace is answered with 409 and the view doesn't run.
    """

    def decorate(
        view: Callable[Concatenate[WorkspaceRequest, P], HttpResponse],
    ) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
        @wraps(view)
        def checked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            membership: Membership | None = getattr(request, "membership", None)
            if membership is None:
                raise NotAllowed(
                    "You are not a member of any workspace: ask an owner to invite you."
                )
            if not has_role(membership, least):
                raise NotAllowed(
                    f"This takes the role {least.label}; "
                    f"yours in {membership.workspace.name} is {Role(membership.role).label}."
                )
            if request.method == "POST" and not is_for(request, membership.workspace):
                return answer(
                    request,
                    409,
                    "Nothing was done: this form was made for another workspace than "
                    f"{membership.workspace.name}, which you work in now. "
                    "Switch back in the menu above, or open the form again.",
                )
            return view(cast(WorkspaceRequest, request), *args, **kwargs)

        return cast(Callable[Concatenate[HttpRequest, P], HttpResponse], login_required(checked))

    return decorate

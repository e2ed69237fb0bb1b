"""Which workspace a request works in, and what a role allows there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from finops.accounts.access import NotAllowed, WorkspaceRequest, has_role, require_role
from finops.accounts.models import ApiKey, Membership, Role, User, Workspace
from finops.accounts.workspaces import create_workspace, set_role

ROLES = [Role.VIEWER, Role.ANALYST, Role.ADMIN, Role.OWNER]


def workspace_of(client: Client, query: str = "") -> str | None:
    response = client.get(f"/settings/members{query}")
    workspace = response.wsgi_request.workspace  # type: ignore[attr-defined]
    return None if workspace is None else str(workspace.slug)


@pytest.mark.parametrize(
    ("least", "allowed"),
    [
        (Role.VIEWER, [True, True, True, True]),
        (Role.ANALYST, [False, True, True, True]),
        (Role.ADMIN, [False, False, True, True]),
        (Role.OWNER, [False, False, False, True]),
    ],
)
def test_a_larger_role_may_what_a_smaller_may(least: Role, allowed: list[bool]) -> None:
    assert [has_role(Membership(role=role), least) for role in ROLES] == allowed


def test_who_is_no_member_has_no_role() -> None:
    assert not has_role(None, Role.VIEWER)


def test_the_first_workspace_by_name_is_the_default(as_alice: Client, alice: User) -> None:
    set_role(alice, create_workspace("aaa", "Zeta"), Role.VIEWER)
    assert workspace_of(as_alice) == "acme"


def test_switching_is_kept_in_the_session(as_alice: Client, alice: User, globex: Workspace) -> None:
    set_role(alice, globex, Role.VIEWER)
    assert workspace_of(as_alice, "?workspace=globex") == "globex"
    assert workspace_of(as_alice) == "globex"
    assert workspace_of(as_alice, "?workspace=acme") == "acme"
    assert workspace_of(as_alice) == "acme"


@pytest.mark.parametrize("slug", ["globex", "nowhere", ""])
def test_another_workspace_and_none_at_all_are_both_not_found(
    as_alice: Client, globex: Workspace, slug: str
) -> None:
    response = as_alice.get(f"/settings/members?workspace={slug}")
    assert response.status_code == 404
    assert "Globex" not in response.content.decode()
    assert workspace_of(as_alice) == "acme"


def test_a_membership_that_ended_ends_the_access_at_once(
    as_alice: Client, alice: User, globex: Workspace
) -> None:
    membership = set_role(alice, globex, Role.VIEWER)
    workspace_of(as_alice, "?workspace=globex")
    membership.delete()
    assert workspace_of(as_alice) == "acme"


def test_a_user_without_a_workspace_is_told_so(client: Client, db: None) -> None:
    client.force_login(User.objects.create_user("lonely@example.org", None))
    response = client.get("/settings/members")
    assert response.status_code == 403
    assert "not a member of any workspace" in response.content.decode()


def test_who_is_not_logged_in_has_no_workspace_and_costs_no_query(
    client: Client, acme: Workspace, django_assert_num_queries: object
) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator]
        response = client.get("/settings/members?workspace=acme")
    assert response.status_code == 302


def test_a_form_may_not_switch_the_workspace(
    as_alice: Client, alice: User, globex: Workspace
) -> None:
    set_role(alice, globex, Role.OWNER)
    form = {"workspace": "acme", "name": "app", "scopes": ["read"]}
    as_alice.post("/settings/keys?workspace=globex", form)
    assert not globex.api_keys.exists()


@pytest.mark.parametrize("made_for", [{"workspace": "acme"}, {}])
def test_a_form_of_another_workspace_does_nothing_and_says_so(
    as_alice: Client, alice: User, globex: Workspace, made_for: dict[str, str]
) -> None:
    set_role(alice, globex, Role.OWNER)
    assert 'name="workspace" value="acme"' in as_alice.get("/settings/keys").content.decode()
    as_alice.get("/settings/members?workspace=globex")  # in another tab
    response = as_alice.post("/settings/keys", {**made_for, "name": "app", "scopes": ["read"]})
    assert response.status_code == 409
    assert "made for another workspace than Globex" in response.content.decode()
    assert not ApiKey.objects.exists()


def test_every_form_of_a_page_names_its_workspace() -> None:
    folders = [Path(app.path) / "templates" for app in apps.get_app_configs() if is_ours(app.name)]
    forms = [
        (path.name, form)
        for folder in folders
        for path in folder.rglob("*.html")
        for form in re.findall(r'<form method="post".*?</form>', path.read_text(), re.DOTALL)
    ]
    without = {name for name, form in forms if "accounts/form_start.html" not in form}
    # these act on the session or on the user, in no workspace
    assert without == {"login.html", "user_menu.html", "password.html"}


def is_ours(app: str) -> bool:
    return app.partition(".")[0] in ("finops", "dashboards", "ingest")


@require_role(Role.ADMIN)
def admins_only(request: WorkspaceRequest) -> HttpResponse:
    return HttpResponse(request.workspace.slug)


def request_by(user: object, membership: Membership | None) -> HttpRequest:
    request = RequestFactory().get("/somewhere")
    request.user = user  # type: ignore[assignment]
    request.membership = membership  # type: ignore[attr-defined]
    request.workspace = membership.workspace if membership else None  # type: ignore[attr-defined]
    return request


def test_a_view_says_which_role_it_takes(victor: User) -> None:
    with pytest.raises(NotAllowed, match="takes the role Admin; yours in Acme is Viewer"):
        admins_only(request_by(victor, victor.memberships.get()))


def test_a_view_sends_strangers_to_the_login() -> None:
    response = admins_only(request_by(AnonymousUser(), None))
    assert response.headers["Location"] == "/login?next=/somewhere"

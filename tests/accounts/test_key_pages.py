"""The page of API keys: who may open it, what it shows once and what never."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.utils import timezone

from finops.accounts.keys import authenticate_key, create_key
from finops.accounts.models import ApiKey, Role, User, Workspace
from finops.accounts.workspaces import set_role

SECRET = re.compile(r"ilk_[a-z0-9]{8}_[A-Za-z0-9]{43}")
ACME = {"workspace": "acme"}


def create(client: Client, name: str = "checkout", scopes: tuple[str, ...] = ("read",)) -> str:
    data = {**ACME, "name": name, "scopes": scopes}
    return client.post("/settings/keys", data).content.decode()


def test_a_new_key_is_shown_once_and_works(as_alice: Client, acme: Workspace) -> None:
    [secret] = SECRET.findall(create(as_alice))
    identity = authenticate_key(secret, now=timezone.now())
    assert identity is not None
    assert (identity.workspace_id, identity.scopes) == (acme.pk, frozenset({"read"}))
    assert not SECRET.search(as_alice.get("/settings/keys").content.decode())


def test_the_answer_with_the_secret_is_stored_nowhere(as_alice: Client) -> None:
    response = as_alice.post("/settings/keys", {**ACME, "name": "checkout", "scopes": ["read"]})
    assert "no-store" in response.headers["Cache-Control"]


def test_the_key_belongs_to_who_made_it(as_alice: Client, alice: User) -> None:
    create(as_alice)
    assert ApiKey.objects.get().created_by == alice


def test_loading_the_answer_again_makes_no_second_key(as_alice: Client) -> None:
    create(as_alice)
    assert "A key of this name exists" in create(as_alice)
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize(
    "data", [{"name": "x"}, {"name": "x", "scopes": ["root"]}, {"scopes": ["read"]}]
)
def test_a_key_needs_a_name_and_known_scopes(as_alice: Client, data: dict[str, object]) -> None:
    response = as_alice.post("/settings/keys", {**ACME, **data})
    assert response.status_code == 200
    assert 'role="alert"' in response.content.decode()
    assert not ApiKey.objects.exists()


def test_a_name_is_text_and_never_markup(as_alice: Client) -> None:
    page = create(as_alice, name="<script>alert(1)</script>")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_the_list_says_when_a_key_was_last_used(as_alice: Client, acme: Workspace) -> None:
    _, secret = create_key(acme, "app", ["read"])
    assert "never" in as_alice.get("/settings/keys").content.decode()
    authenticate_key(secret, now=timezone.now())
    page = as_alice.get("/settings/keys").content.decode()
    assert "never" not in page
    assert "now" in page


def test_revoking_ends_the_key(as_alice: Client, acme: Workspace) -> None:
    key, secret = create_key(acme, "app", ["read"])
    assert as_alice.post(f"/settings/keys/{key.pk}/revoke", ACME).status_code == 302
    assert authenticate_key(secret, now=timezone.now()) is None
    assert "revoked" in as_alice.get("/settings/keys").content.decode()


def test_revoking_takes_a_post(as_alice: Client, acme: Workspace) -> None:
    key, secret = create_key(acme, "app", ["read"])
    assert as_alice.get(f"/settings/keys/{key.pk}/revoke").status_code == 405
    assert authenticate_key(secret, now=timezone.now()) is not None


def test_keys_of_another_workspace_are_neither_seen_nor_revoked(
    as_alice: Client, globex: Workspace
) -> None:
    key, secret = create_key(globex, "globex-app", ["read"])
    assert "globex-app" not in as_alice.get("/settings/keys").content.decode()
    assert as_alice.post(f"/settings/keys/{key.pk}/revoke", ACME).status_code == 404
    assert authenticate_key(secret, now=timezone.now()) is not None


@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.OWNER, 200), (Role.ADMIN, 200), (Role.ANALYST, 403), (Role.VIEWER, 403)],
)
def test_only_owners_and_admins_open_the_page(
    client: Client, acme: Workspace, role: Role, status: int
) -> None:
    user = User.objects.create_user("someone@acme.example", None)
    set_role(user, acme, role)
    client.force_login(user)
    assert client.get("/settings/keys").status_code == status
    data = {**ACME, "name": "n", "scopes": ["read"]}
    assert client.post("/settings/keys", data).status_code == status


def test_a_viewer_can_not_revoke(client: Client, victor: User, acme: Workspace) -> None:
    key, secret = create_key(acme, "app", ["read"])
    client.force_login(victor)
    assert client.post(f"/settings/keys/{key.pk}/revoke").status_code == 403
    assert authenticate_key(secret, now=timezone.now()) is not None


def test_members_see_each_other_and_nobody_else(
    client: Client, victor: User, alice: User, greta: User
) -> None:
    client.force_login(victor)
    page = client.get("/settings/members").content.decode()
    assert "alice@acme.example" in page
    assert "Owner" in page
    assert "greta" not in page

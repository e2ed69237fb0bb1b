"""The commands that make workspaces, users and keys, as a script sees them."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from finops.accounts.first_login import Credentials, ensure_first_login
from finops.accounts.keys import authenticate_key
from finops.accounts.models import Membership, Role, User, Workspace

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_create_api_key_prints_the_key_and_nothing_else(acme: Workspace) -> None:
    printed = run("create_api_key", "--workspace", "acme", "--scope", "read", "--scope", "ingest")
    assert printed.count("\n") == 1
    identity = authenticate_key(printed.strip(), now=timezone.now())
    assert identity is not None
    assert identity.scopes == frozenset({"read", "ingest"})


def test_create_api_key_can_be_repeated(acme: Workspace) -> None:
    first = run("create_api_key", "--workspace", "acme", "--scope", "read")
    assert run("create_api_key", "--workspace", "acme", "--scope", "read") != first


def test_an_unknown_workspace_lists_the_known_ones(acme: Workspace, globex: Workspace) -> None:
    with pytest.raises(CommandError) as failure:
        run("create_api_key", "--workspace", "acmee", "--scope", "read")
    assert str(failure.value) == "No workspace has the slug 'acmee'; there are: acme, globex."
    assert failure.value.returncode == 1


def test_with_no_workspace_yet_the_next_step_is_named(db: None) -> None:
    with pytest.raises(CommandError, match="there is none yet: run create_workspace"):
        run("create_api_key", "--workspace", "acme", "--scope", "read")


def test_create_workspace_makes_one(db: None) -> None:
    run("create_workspace", "acme", "--name", "Acme Inc", "--timezone", "Europe/Berlin")
    workspace = Workspace.objects.get(slug="acme")
    assert (workspace.name, workspace.timezone) == ("Acme Inc", "Europe/Berlin")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("acme",), "already exists"),
        (("not a slug",), "slug"),
        (("new", "--timezone", "Mars/Olympus"), "not a time zone"),
    ],
)
def test_create_workspace_says_what_is_wrong(
    acme: Workspace, arguments: tuple[str, ...], said: str
) -> None:
    with pytest.raises(CommandError, match=said):
        run("create_workspace", *arguments)


def test_create_user_prints_a_password_that_works(acme: Workspace) -> None:
    printed = run(
        "create_user", "--email", "Bob@Acme.example", "--workspace", "acme", "--role", "analyst"
    )
    bob = User.objects.get(email="bob@acme.example")
    assert bob.check_password(printed.split("Password (shown once): ")[1].strip())
    assert bob.memberships.get().role == "analyst"


def test_create_user_gives_someone_who_exists_the_role_and_keeps_the_password(
    alice: User, globex: Workspace
) -> None:
    before = alice.password
    printed = run(
        "create_user", "--email", alice.email, "--workspace", "globex", "--role", "viewer"
    )
    alice.refresh_from_db()
    assert alice.password == before
    assert "Password" not in printed
    assert alice.memberships.get(workspace=globex).role == "viewer"


def test_create_user_refuses_what_is_no_address(acme: Workspace) -> None:
    with pytest.raises(CommandError, match="valid email address"):
        run("create_user", "--email", "bob", "--workspace", "acme", "--role", "viewer")
    assert not User.objects.exists()


def test_create_user_asks_for_the_password_where_that_is_wanted(
    acme: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getpass", lambda prompt: "a horse that nobody knows")
    printed = run("create_user", "--email", "b@b.example", "--workspace", "acme", "--ask-password")
    assert User.objects.get().check_password("a horse that nobody knows")
    assert "horse" not in printed


def test_create_user_refuses_a_weak_password(
    acme: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getpass", lambda prompt: "short")
    with pytest.raises(CommandError, match="too short"):
        run("create_user", "--email", "b@b.example", "--workspace", "acme", "--ask-password")


def test_the_first_login_owns_the_demo_workspace(db: None) -> None:
    login = ensure_first_login(NOW)
    assert isinstance(login, Credentials)
    membership = Membership.objects.get()
    assert membership.user.email == login.email == "owner@localhost"
    assert membership.user.check_password(login.password)
    assert (membership.workspace.slug, membership.role) == ("demo", Role.OWNER)


def test_the_first_login_is_made_once(db: None) -> None:
    ensure_first_login(NOW)
    assert ensure_first_login(NOW) is None
    assert User.objects.count() == 1


def test_no_first_login_where_somebody_can_log_in(alice: User) -> None:
    assert ensure_first_login(NOW) is None


def test_the_first_login_takes_over_a_demo_workspace_that_is_there(db: None) -> None:
    Workspace.objects.create(slug="demo", name="Demo")
    ensure_first_login(NOW)
    assert Workspace.objects.get().memberships.count() == 1

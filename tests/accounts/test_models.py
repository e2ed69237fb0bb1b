"""What the database itself refuses, on SQLite as on PostgreSQL."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from finops.accounts.models import AuditEntry, Membership, Role, User, Workspace
from finops.accounts.workspaces import create_workspace, set_role


def test_an_address_is_kept_in_lower_case(db: None) -> None:
    assert User.objects.create_user(" Bob@Example.ORG ", None).email == "bob@example.org"


def test_an_address_in_mixed_case_never_reaches_the_table(db: None) -> None:
    with pytest.raises(IntegrityError):
        User.objects.create(email="Bob@example.org")


def test_an_address_belongs_to_one_user(alice: User) -> None:
    with pytest.raises(ValidationError, match="already exists"):
        User.objects.create_user("ALICE@acme.example", None)


def test_a_user_without_a_password_has_no_usable_one(db: None) -> None:
    assert not User.objects.create_user("bob@example.org", None).has_usable_password()


def test_a_slug_belongs_to_one_workspace(acme: Workspace) -> None:
    with pytest.raises(IntegrityError):
        Workspace.objects.create(slug="acme", name="Other")


def test_a_user_has_one_role_in_a_workspace(alice: User, acme: Workspace) -> None:
    with pytest.raises(IntegrityError):
        Membership.objects.create(user=alice, workspace=acme, role=Role.VIEWER)


def test_a_role_is_one_of_the_four(alice: User, globex: Workspace) -> None:
    with pytest.raises(IntegrityError):
        Membership.objects.create(user=alice, workspace=globex, role="god")


def test_setting_a_role_again_changes_it_and_is_told_to_the_trail(
    victor: User, acme: Workspace, alice: User
) -> None:
    set_role(victor, acme, Role.ADMIN, actor=alice)
    set_role(victor, acme, Role.ADMIN, actor=alice)
    assert victor.memberships.get().role == "admin"
    entry = AuditEntry.objects.get(action="member.role_set", actor=alice)
    assert (entry.target, entry.detail) == (victor.email, {"role": "admin", "before": "viewer"})


def test_a_workspace_that_is_refused_leaves_no_entry(acme: Workspace) -> None:
    before = AuditEntry.objects.count()
    with pytest.raises(ValidationError):
        create_workspace("acme", "Twice")
    assert AuditEntry.objects.count() == before


def test_the_trail_outlives_the_user(alice: User, acme: Workspace) -> None:
    create_workspace("made-by-alice", "Hers", actor=alice)
    alice.delete()
    assert AuditEntry.objects.get(target="made-by-alice").actor is None

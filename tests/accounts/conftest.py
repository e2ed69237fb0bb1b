"""Two workspaces and their people: whatever one may see, the other may not."""

from __future__ import annotations

import pytest
from django.test import Client

from finops.accounts.models import Role, User, Workspace
from finops.accounts.workspaces import create_workspace, set_role

PASSWORD = "correct horse battery staple"


@pytest.fixture
def acme(db: None) -> Workspace:
    return create_workspace("acme", "Acme")


@pytest.fixture
def globex(db: None) -> Workspace:
    return create_workspace("globex", "Globex")


@pytest.fixture
def alice(acme: Workspace) -> User:
    """Owner of Acme."""
    user = User.objects.create_user("alice@acme.example", PASSWORD, name="Alice")
    set_role(user, acme, Role.OWNER)
    return user


@pytest.fixture
def victor(acme: Workspace) -> User:
    """Viewer of Acme."""
    user = User.objects.create_user("victor@acme.example", PASSWORD)
    set_role(user, acme, Role.VIEWER)
    return user


@pytest.fixture
def greta(globex: Workspace) -> User:
    """Owner of Globex."""
    user = User.objects.create_user("greta@globex.example", PASSWORD)
    set_role(user, globex, Role.OWNER)
    return user


@pytest.fixture
def as_alice(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client

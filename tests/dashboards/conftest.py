"""A workspace with a viewer who is logged in."""

from __future__ import annotations

import pytest
from django.test import Client

from finops.accounts.models import Role, User, Workspace
from finops.accounts.workspaces import create_workspace, set_role


@pytest.fixture
def acme(db: None) -> Workspace:
    return create_workspace("acme", "Acme")


@pytest.fixture
def page(client: Client, acme: Workspace) -> Client:
    """A browser in which a viewer of Acme is logged in."""
    user = User.objects.create_user("victor@acme.example", "correct horse battery staple")
    set_role(user, acme, Role.VIEWER)
    client.force_login(user)
    return client

"""Two workspaces, and programs with keys to them; the throttle starts empty."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from finops.accounts.keys import create_key
from finops.accounts.models import Role, User, Workspace
from finops.accounts.workspaces import create_workspace, set_role


@pytest.fixture(autouse=True)
def unthrottled() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def acme(db: None) -> Workspace:
    return create_workspace("acme", "Acme")


@pytest.fixture
def globex(db: None) -> Workspace:
    return create_workspace("globex", "Globex")


@pytest.fixture
def api(acme: Workspace) -> APIClient:
    """A program with a key that may read Acme."""
    return with_key(acme, "read")


@pytest.fixture
def victor(acme: Workspace) -> User:
    """Viewer of Acme."""
    user = User.objects.create_user("victor@acme.example", "correct horse battery staple")
    set_role(user, acme, Role.VIEWER)
    return user


def with_key(workspace: Workspace, *scopes: str) -> APIClient:
    client = APIClient()
    _, secret = create_key(workspace, "script", scopes)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client

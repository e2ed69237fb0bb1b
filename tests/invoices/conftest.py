"""Two workspaces, keys to them, and calls of November beside which a bill can be held."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.core.cache import cache

from finops.accounts.models import Workspace
from finops.accounts.workspaces import create_workspace

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


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

"""A workspace with people, a mail server on loopback, and the product pointed at both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from django.test import Client
from pytest_django import Settings

from finops.accounts.models import Role, User, Workspace
from finops.accounts.workspaces import create_workspace, set_role
from finops.config import load_config
from finops.mail import email_settings
from tests.budgets.mail_server import MailServer

PASSWORD = "correct horse battery staple"
T = TypeVar("T")


@pytest.fixture
def acme(db: None) -> Workspace:
    return create_workspace("acme", "Acme", timezone="Europe/Berlin")


@pytest.fixture
def globex(db: None) -> Workspace:
    return create_workspace("globex", "Globex")


@pytest.fixture
def ann(acme: Workspace) -> User:
    """Analyst of Acme: the least role that may set budgets."""
    return member("ann@acme.example", acme, Role.ANALYST)


@pytest.fixture
def victor(acme: Workspace) -> User:
    """Viewer of Acme."""
    return member("victor@acme.example", acme, Role.VIEWER)


@pytest.fixture
def greta(globex: Workspace) -> User:
    """Owner of Globex."""
    return member("greta@globex.example", globex, Role.OWNER)


@pytest.fixture
def as_ann(client: Client, ann: User) -> Client:
    client.force_login(ann)
    return client


def member(email: str, workspace: Workspace, role: Role) -> User:
    user = User.objects.create_user(email, PASSWORD)
    set_role(user, workspace, role)
    return user


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def smtp(
    mail_server: MailServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MailServer]:
    """The mail server, with the product told of it as by its operator."""
    monkeypatch.setenv("FINOPS_EMAIL_URL", f"smtp://127.0.0.1:{mail_server.port}")
    yield from configured(settings, mail_server)


@pytest.fixture
def outbox(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The outbox of a product with a data folder of its own and no SMTP."""
    monkeypatch.setenv("FINOPS_DATA_DIR", str(tmp_path))
    yield from configured(settings, tmp_path / "outbox")


def configured(settings: Settings, thing: T) -> Iterator[T]:
    load_config.cache_clear()
    for name, value in email_settings(load_config()).items():
        setattr(settings, name, value)
    yield thing
    load_config.cache_clear()

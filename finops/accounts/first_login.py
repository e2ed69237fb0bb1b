"""The first start: somebody must be able to log in, and into something."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from finops.accounts.models import Role, User, Workspace
from finops.accounts.passwords import generate_password
from finops.accounts.workspaces import create_workspace, set_role
from finops.config import load_config

EMAIL = "owner@localhost"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the first owner logs in with; the password is shown once and stored nowhere."""

    email: str
    password: str


def ensure_first_login(now: datetime) -> Credentials | None:
    """Make the first owner and workspace where there is no user yet; None where there is one.

    The workspace is `demo` where the demo will be played, else `default`.
    """
    slug, name = ("demo", "Demo") if load_config().demo else ("default", "Default")
    with transaction.atomic():
        if User.objects.exists():
            return None
        password = generate_password()
        user = User.objects.create_user(EMAIL, password, name="Owner", now=now)
        workspace = Workspace.objects.filter(slug=slug).first()
        set_role(user, workspace or create_workspace(slug, name), Role.OWNER)
    return Credentials(EMAIL, password)

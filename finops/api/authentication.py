"""Who asks: an API key (Authorization: Bearer ilk_...) or a person's session.

The workspace of a request follows from these alone; no parameter names one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from django.utils import timezone
from rest_framework.authentication import (
    BaseAuthentication,
    SessionAuthentication,
    get_authorization_header,
)
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from finops.accounts.keys import KeyIdentity, authenticate_key
from finops.accounts.models import User, Workspace

__all__ = [
    "KeyAuthentication",
    "KeyCaller",
    "SessionAuthentication",
    "actor_of",
    "asker",
    "workspace_of",
]


@dataclass(frozen=True, slots=True)
class KeyCaller:
    """Stands where a user would: a machine with a key. `pk` is what its requests are counted by."""

    pk: str
    is_authenticated: ClassVar[bool] = True
    is_active: ClassVar[bool] = True


class KeyAuthentication(BaseAuthentication):
    """Recognises a key; request.auth is its KeyIdentity.

    A request without a Bearer header is left to the next class; a wrong key is never.
    """

    def authenticate(self, request: Request) -> tuple[KeyCaller, KeyIdentity] | None:
        scheme, _, secret = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        try:
            identity = authenticate_key(secret.strip().decode("ascii"), now=timezone.now())
        except UnicodeDecodeError:
            identity = None
        if identity is None:
            raise AuthenticationFailed(
                "This API key is unknown or was revoked: make another under Keys.",
                code="invalid_api_key",
            )
        return KeyCaller(pk=f"key-{identity.key_id}"), identity

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="inferledger"'


def workspace_of(request: Request) -> Workspace:
    """Return the workspace of the key, or the one that the session works in.

    Raises PermissionDenied for a user who is in no workspace.
    """
    if isinstance(request.auth, KeyIdentity):
        return Workspace.objects.get(pk=request.auth.workspace_id)
    workspace: Workspace | None = getattr(request, "workspace", None)
    if workspace is None:
        raise PermissionDenied("You are not a member of any workspace.", code="no_workspace")
    return workspace


def actor_of(request: Request) -> User | None:
    """Return the person who asks, for the audit trail; None for a key."""
    return request.user if isinstance(request.user, User) else None


def asker(request: Request) -> dict[str, Any]:
    """Who asks, as the audit trail names it: a person, or a key by its number."""
    key = f"key {request.auth.key_id}" if isinstance(request.auth, KeyIdentity) else ""
    return {"actor": actor_of(request), "key": key}

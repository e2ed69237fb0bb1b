"""API keys: made once, kept as a digest, recognised in constant time.

A secret reads `ilk_<prefix>_<random>`: 8 characters that find the row and may be shown, then 43
of an alphabet of 62, 256 bits, of which only the SHA-256 of the whole is stored. A slow hash, as
for passwords, would protect nothing here: 256 random bits can't be guessed from the digest.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError, transaction
from django.db.models import Q

from finops.accounts.audit import record
from finops.accounts.models import ApiKey, Scope, User, Workspace, check_scopes

PREFIX_LENGTH = 8
RANDOM_LENGTH = 43
SECRET = re.compile(rf"ilk_([a-z0-9]{{{PREFIX_LENGTH}}})_[A-Za-z0-9]{{{RANDOM_LENGTH}}}")
LAST_USED_EVERY = timedelta(minutes=1)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class KeyIdentity:
    """Whose key a request carries and what it may do."""

    key_id: int
    workspace_id: int
    workspace_slug: str
    scopes: frozenset[str]
    # The workspace's own limits of what it may send, by name; see models.INGEST_LIMITS.
    ingest_limits: Mapping[str, int] = field(default_factory=dict, hash=False)

    def may(self, scope: Scope) -> bool:
        """Say whether the key has exactly this scope; none includes another."""
        return scope in self.scopes


def create_key(
    workspace: Workspace, name: str, scopes: Collection[str], *, actor: User | None = None
) -> tuple[ApiKey, str]:
    """Make a key and return it with its secret, which can't be read again.

    Raises django's ValidationError when a scope is unknown or none is given.
    """
    ordered = sorted(set(scopes))
    check_scopes(ordered)
    prefix = draw(string.ascii_lowercase + string.digits, PREFIX_LENGTH)
    secret = f"ilk_{prefix}_{draw(string.ascii_letters + string.digits, RANDOM_LENGTH)}"
    with transaction.atomic():
        key = ApiKey.objects.create(
            workspace=workspace,
            name=name,
            prefix=prefix,
            digest=digest_of(secret),
            scopes=ordered,
            created_by=actor,
        )
        record(workspace, actor, "api_key.created", str(key), name=name, scopes=ordered)
    return key, secret


def authenticate_key(secret: str, *, now: datetime) -> KeyIdentity | None:
    """Return whose key `secret` is, or None when it is malformed, unknown, wrong or revoked."""
    match = SECRET.fullmatch(secret)
    if match is None:
        return None
    key = ApiKey.objects.select_related("workspace").filter(prefix=match[1]).first()
    # an unknown prefix takes the same steps as a known one with a wrong rest
    stored = key.digest if key is not None else "0" * 64
    right = hmac.compare_digest(digest_of(secret), stored)
    if key is None or not right or key.revoked_at is not None:
        return None
    note_use(key, now)
    workspace = key.workspace
    return KeyIdentity(
        key.pk, workspace.pk, workspace.slug, frozenset(key.scopes), workspace.ingest_limits
    )


def revoke_key(key: ApiKey, *, now: datetime, actor: User | None = None) -> None:
    """End a key for good; a second time changes nothing."""
    with transaction.atomic():
        changed = ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now)
        if changed:
            record(key.workspace, actor, "api_key.revoked", str(key), name=key.name)
    key.refresh_from_db(fields=["revoked_at"])


def note_use(key: ApiKey, now: datetime) -> None:
    """Write down when a key was last used, at most once a minute; never fails the request."""
    if key.last_used_at is not None and now - key.last_used_at < LAST_USED_EVERY:
        return
    stale = Q(last_used_at=None) | Q(last_used_at__lte=now - LAST_USED_EVERY)
    try:
        with transaction.atomic():
            ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)
    except DatabaseError as error:
        log.warning("api_key_use_not_noted", key=str(key), error=str(error))


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def draw(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))

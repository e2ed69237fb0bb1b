"""API keys: made once, recognised, noted, revoked."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from finops.accounts.keys import KeyIdentity, authenticate_key, create_key, revoke_key
from finops.accounts.models import ApiKey, AuditEntry, Scope, User, Workspace

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_a_secret_has_the_documented_shape(acme: Workspace) -> None:
    key, secret = create_key(acme, "app", ["ingest"])
    assert re.fullmatch(r"ilk_[a-z0-9]{8}_[A-Za-z0-9]{43}", secret)
    assert secret.startswith(f"ilk_{key.prefix}_")


def test_the_secret_is_nowhere_in_the_row(acme: Workspace) -> None:
    key, secret = create_key(acme, "app", ["ingest"])
    row = ApiKey.objects.filter(pk=key.pk).values().get()
    assert secret.rsplit("_", 1)[1] not in repr(row)


def test_a_key_is_recognised_with_its_workspace_and_scopes(acme: Workspace) -> None:
    key, secret = create_key(acme, "app", ["read", "ingest"])
    assert authenticate_key(secret, now=NOON) == KeyIdentity(
        key.pk, acme.pk, "acme", frozenset({"ingest", "read"})
    )


def test_no_scope_includes_another(acme: Workspace) -> None:
    _, secret = create_key(acme, "app", ["admin"])
    identity = authenticate_key(secret, now=NOON)
    assert identity is not None
    assert [identity.may(scope) for scope in (Scope.ADMIN, Scope.READ, Scope.INGEST)] == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("scopes", [[], ["write"], ["read", "write"]])
def test_unknown_or_no_scopes_are_refused(acme: Workspace, scopes: list[str]) -> None:
    with pytest.raises(ValidationError, match="ingest, read, admin"):
        create_key(acme, "app", scopes)


def test_a_scope_given_twice_counts_once(acme: Workspace) -> None:
    key, _ = create_key(acme, "app", ["read", "read"])
    assert key.scopes == ["read"]


def test_the_right_prefix_with_a_wrong_rest_is_refused(acme: Workspace) -> None:
    _, secret = create_key(acme, "app", ["read"])
    wrong = secret[:-1] + ("a" if secret[-1] != "a" else "b")
    assert authenticate_key(wrong, now=NOON) is None


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "ilk_",
        "ilk_aaaaaaaa_" + "a" * 43,
        "ilk_aaaaaaaa_" + "a" * 42,
        "Bearer x",
        "é" * 56,
        "\0",
    ],
)
def test_what_is_no_key_is_refused(db: None, secret: str) -> None:
    assert authenticate_key(secret, now=NOON) is None


def test_a_trailing_newline_is_refused(acme: Workspace) -> None:
    _, secret = create_key(acme, "app", ["read"])
    assert authenticate_key(secret + "\n", now=NOON) is None


def test_a_malformed_key_costs_no_query(db: None) -> None:
    with CaptureQueriesContext(connection) as queries:
        authenticate_key("ilk_short_x", now=NOON)
    assert len(queries) == 0


def test_a_revoked_key_is_refused(acme: Workspace) -> None:
    key, secret = create_key(acme, "app", ["read"])
    revoke_key(key, now=NOON)
    assert authenticate_key(secret, now=NOON) is None


def test_revoking_twice_keeps_the_first_time_and_one_entry(acme: Workspace) -> None:
    key, _ = create_key(acme, "app", ["read"])
    revoke_key(key, now=NOON)
    revoke_key(key, now=NOON + timedelta(days=1))
    assert key.revoked_at == NOON
    assert AuditEntry.objects.filter(action="api_key.revoked").count() == 1


def test_last_use_is_written_at_most_once_a_minute(acme: Workspace) -> None:
    key, secret = create_key(acme, "app", ["read"])
    for seconds in (0, 30, 59):
        authenticate_key(secret, now=NOON + timedelta(seconds=seconds))
        key.refresh_from_db()
        assert key.last_used_at == NOON
    authenticate_key(secret, now=NOON + timedelta(seconds=60))
    key.refresh_from_db()
    assert key.last_used_at == NOON + timedelta(seconds=60)


def test_a_second_use_within_the_minute_only_reads(acme: Workspace) -> None:
    _, secret = create_key(acme, "app", ["read"])
    authenticate_key(secret, now=NOON)
    with CaptureQueriesContext(connection) as queries:
        authenticate_key(secret, now=NOON)
    assert [query["sql"].split()[0] for query in queries] == ["SELECT"]


def test_the_audit_trail_says_who_made_a_key_and_hides_it(acme: Workspace, alice: User) -> None:
    key, _ = create_key(acme, "app", ["read"], actor=alice)
    entry = AuditEntry.objects.get(action="api_key.created")
    assert (entry.workspace, entry.actor, entry.target) == (acme, alice, f"ilk_{key.prefix}_…")
    assert entry.detail == {"name": "app", "scopes": ["read"]}


def test_a_prefix_is_unique(acme: Workspace) -> None:
    key, _ = create_key(acme, "app", ["read"])
    with pytest.raises(IntegrityError):
        ApiKey.objects.create(workspace=acme, name="b", prefix=key.prefix, digest="0", scopes=[])

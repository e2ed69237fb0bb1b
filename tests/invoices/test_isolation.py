"""One workspace's invoices are nothing to another: every address of them, by key and by session."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest
from django.test import Client

from finops.accounts.models import Role, User, Workspace
from finops.accounts.workspaces import set_role
from finops.clickhouse.client import Warehouse
from finops.invoices.take_in import Offer, take_in
from tests.api.conftest import with_key
from tests.api.test_isolation import ADDRESSES, body_of
from tests.invoices.conftest import NOW
from tests.queries.rows import Charge, ledger_of

SECRET = "globex-private"
OWN = [path for path, _ in ADDRESSES if "invoice" in path or "reconciliation" in path]
DAYS = "from=2026-11-01&to=2026-11-30&day=2026-11-01"


@pytest.fixture
def filled(acme: Workspace, globex: Workspace, configured_ch: Warehouse) -> Workspace:
    """Globex with an invoice and a call of which Acme must never hear."""
    content = f"usage_date_utc,model,cost_usd\n2026-11-01,{SECRET},7\n".encode()
    take_in(configured_ch, globex, Offer(io.BytesIO(content), f"{SECRET}.csv"), now=NOW, actor=None)
    ledger_of(
        configured_ch, Charge(NOW, Decimal(3), model=SECRET, provider="anthropic",
                              workspace_id=globex.pk),
    )  # fmt: skip
    return globex


def member(workspace: Workspace, email: str) -> Client:
    user = User.objects.create_user(email, None)
    set_role(user, workspace, Role.OWNER)
    client = Client()
    client.force_login(user)
    return client


def test_no_address_shows_another_workspaces_invoice(filled: Workspace, acme: Workspace) -> None:
    assert len(OWN) >= 8
    key, session = with_key(acme, "read", "admin"), member(acme, "owner@acme.example")
    own = member(filled, "owner@globex.example")
    for path in OWN:
        for query in (DAYS, f"{DAYS}&workspace=globex"):
            for client in (key, session):
                assert SECRET not in body_of(client.get(f"{path}?{query}")), (path, query)
        assert Client().get(f"{path}?{DAYS}").status_code in (302, 401, 405), path
    seen = [path for path in OWN if SECRET in body_of(own.get(f"{path}?day=2026-11-01"))]
    assert {"/invoices", "/invoices/day", "/api/v1/invoices"} <= set(seen)
    assert SECRET in body_of(with_key(filled, "read").get("/api/v1/reconciliation"))


def test_nobody_deletes_or_takes_in_for_another_workspace(
    filled: Workspace, acme: Workspace
) -> None:
    number = filled.invoices.get().pk
    client = member(acme, "owner@acme.example")
    for address in ("delete", "preview"):
        gone = client.post(f"/invoices/{number}/{address}", {"workspace": "acme"})
        assert gone.status_code == 404
    assert with_key(acme, "admin").delete(f"/api/v1/invoices/{number}").status_code == 404
    assert filled.invoices.count() == 1

"""The workspace comes from the key or the session: nothing else leads to another's numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.timezone import now
from rest_framework.test import APIClient

from finops.accounts.models import Role, User, Workspace
from finops.accounts.workspaces import set_role
from finops.budgets.models import Budget
from finops.clickhouse.client import Warehouse
from finops.costing.models import ClosedMonth, Repricing
from finops.invoices.line import InvoiceLine
from finops.invoices.models import Invoice
from finops.invoices.store import write_lines
from finops.pricing.models import (
    Deployment,
    ExchangeRate,
    GpuMembership,
    GpuPool,
    GpuPrice,
    RateOverride,
    SpendCommitment,
)
from tests.api.conftest import with_key
from tests.costing.allocation.world import add_samples
from tests.queries.rows import Charge, at, ledger_of
from tests.queries.test_gpu_costs import add_hour

SECRET = "globex-private"
TENANT = "globex-tenant"  # may come back as the filter that it was asked for with
PUBLIC = {"healthz", "login", "api-schema", "api-docs"}
RANGE = "from=2026-11-21T00:00:00Z&to=2026-11-22T00:00:00Z"


def addresses(
    patterns: list[URLPattern | URLResolver] | None = None, prefix: str = ""
) -> Iterator[tuple[str, str]]:
    """Every address of the web process, with its name; numbers in it are filled in with 1."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, route)
        else:
            filled = re.sub(r"<int:\w+>", "1", route)
            filled = filled.replace("<str:provider>", "openai").replace("<path:model>", "gpt-4o")
            filled = filled.replace("<str:ref>", "installed").replace("<str:month>", "2026-10")
            filled = filled.replace("<slug:month>", "2026-11").replace("<path:tenant>", TENANT)
            yield f"/{filled}", str(pattern.name)


ADDRESSES = sorted(addresses())


@pytest.fixture
def filled(acme: Workspace, globex: Workspace, configured_ch: Warehouse) -> Workspace:
    """Globex with a call, a budget and a key of which Acme must never hear."""
    ledger_of(
        configured_ch,
        Charge(at("10:00"), Decimal(1), workspace_id=acme.pk),
        Charge(
            at("10:00"), Decimal(2), tenant=TENANT, model=SECRET, provider=SECRET, team=SECRET,
            workspace_id=globex.pk,
        ),
    )  # fmt: skip
    Budget.objects.create(
        workspace=globex,
        tenant=SECRET,
        amount_usd=Decimal(1),
        recipients=[f"{SECRET}@globex.example"],
    )
    agreed: dict[str, Any] = {"workspace": globex, "valid_from": at("10:00"), "why": SECRET}
    Deployment.objects.create(**agreed, name="chat", model="gpt-4o")
    SpendCommitment.objects.create(
        **agreed, provider="openai", committed_usd=Decimal(1), valid_to=at("11:00")
    )
    ExchangeRate.objects.create(
        workspace=globex, currency="EUR", day=at("10:00").date(), per_usd=Decimal(1), why=SECRET
    )
    pool = GpuPool.objects.create(workspace=globex, name=SECRET, why=SECRET)
    GpuMembership.objects.create(pool=pool, hosts=[SECRET], valid_from=at("09:00"), why=SECRET)
    GpuPrice.objects.create(
        pool=pool, kind="spot", usd_per_gpu_hour=1, valid_from=at("09:00"), why=SECRET
    )
    row = {"kind": "busy", "tenant": TENANT, "model": SECRET, "cost_usd": Decimal(1)}
    add_hour(configured_ch, at("10:00"), SECRET, [row], workspace_id=globex.pk)
    add_samples(configured_ch, globex.pk, [now()], {"host": SECRET, "pool": SECRET})
    fill_books(configured_ch, globex, agreed)
    with_key(globex, "read")
    owner = User.objects.create_user(f"{SECRET}@globex.example", None, name=SECRET)
    set_role(owner, globex, Role.OWNER)
    return globex


def fill_books(ch: Warehouse, globex: Workspace, agreed: dict[str, Any]) -> None:
    """What finance keeps: a contract, an invoice with a line, a repricing, a closed month."""
    RateOverride.objects.create(
        **agreed, provider="openai", model=SECRET, discount_percent=Decimal(1)
    )
    day = at("10:00").date()
    invoice = Invoice.objects.create(
        workspace=globex, name=SECRET, size_bytes=1, format="csv", state="imported", first_day=day
    )
    line = InvoiceLine(
        bill="csv", day=day, provider="openai", line=1, model=SECRET, billed=Decimal(1),
        currency="USD", account=SECRET, description=SECRET,
    )  # fmt: skip
    write_lines(ch, globex.pk, invoice.pk, [line], [], version=1, now=now())
    Repricing.objects.create(
        workspace=globex, start=at("09:00"), end=at("11:00"), cause=SECRET, why=SECRET
    )
    ClosedMonth.objects.create(
        workspace=globex, month=date(2026, 10, 1), why=SECRET, calls=0, cost_usd=0
    )


def body_of(response: Any) -> str:
    parts = response if response.streaming else [response.content]
    return b"".join(parts).decode()


def test_the_walk_knows_every_address() -> None:
    assert not [path for path, _ in ADDRESSES if "<" in path]
    assert {"overview", "api-unit-costs", "keys", "budgets"} <= {name for _, name in ADDRESSES}


def test_a_key_never_shows_another_workspace(filled: Workspace, acme: Workspace) -> None:
    client = with_key(acme, "read", "admin", "ingest")
    for path, _ in ADDRESSES:
        for query in (
            RANGE, f"{RANGE}&tenant={TENANT}", f"{RANGE}&workspace=globex", "format=csv",
            f"tenant={TENANT}&month=2026-11",
        ):  # fmt: skip
            assert SECRET not in body_of(client.get(f"{path}?{query}")), (path, query)


def test_a_session_never_shows_another_workspace(filled: Workspace, acme: Workspace) -> None:
    owner = User.objects.create_user("owner@acme.example", None)
    set_role(owner, acme, Role.OWNER)
    client = Client()
    for path, _ in ADDRESSES:
        for query in (RANGE, f"{RANGE}&rows=all&tenant={TENANT}", f"{RANGE}&workspace=globex"):
            client.force_login(owner)
            assert SECRET not in body_of(client.get(f"{path}?{query}")), (path, query)


def test_a_key_changes_nothing_of_another_workspace(filled: Workspace, acme: Workspace) -> None:
    client = with_key(acme, "read", "admin")
    for path, name in ADDRESSES:
        if path.startswith("/api/") and ("/1" in path or name == "api-reopen-month"):
            for method in ("delete", "patch", "post", "put"):
                body = {"why": "x"} if "reopen" in path else {"valid_to": "2026-11-22T00:00:00Z"}
                answer = getattr(client, method)(path, body, format="json")
                assert answer.status_code in (404, 405), (method, path, answer.content)


def test_nobody_known_sees_nothing(filled: Workspace) -> None:
    for path, name in ADDRESSES:
        response = Client().get(f"{path}?{RANGE}")
        assert SECRET not in body_of(response), path
        if name not in PUBLIC:
            assert response.status_code in (302, 401, 405), path


def test_its_own_member_sees_it(filled: Workspace) -> None:
    client = Client()
    client.force_login(User.objects.get(name=SECRET))
    queries = (RANGE, f"tenant={TENANT}&month=2026-11")
    seen = {
        name
        for path, name in ADDRESSES
        if any(SECRET in body_of(client.get(f"{path}?{query}")) for query in queries)
    }
    assert {"overview", "api-unit-costs", "budgets", "api-budgets", "members"} <= seen
    assert {"gpus", "gpu-pools", "api-gpu-pools", "api-gpu-costs"} <= seen
    assert {"api-deployments", "api-spend-commitments", "api-exchange-rates"} <= seen
    assert {"invoices", "api-invoices", "api-invoice", "api-reconciliation"} <= seen
    assert {"repricings", "api-repricings", "api-repricing", "api-closed-months"} <= seen
    assert {"rate-contracts", "api-rate-overrides", "api-focus", "api-statement"} <= seen


def test_each_of_two_keys_sees_its_own_numbers(
    filled: Workspace, acme: Workspace, globex: Workspace
) -> None:
    costs = {
        workspace.slug: with_key(workspace, "read")
        .get(f"/api/v1/unit-costs?{RANGE}")
        .json()["totals"]["cost_usd"]
        for workspace in (acme, globex)
    }
    assert costs == {"acme": "1.000000000000", "globex": "2.000000000000"}


def test_a_key_wins_over_the_session_beside_it(
    filled: Workspace, acme: Workspace, globex: Workspace, victor: User
) -> None:
    client: APIClient = with_key(globex, "read")
    client.force_login(victor)
    body = client.get(f"/api/v1/unit-costs?{RANGE}").json()
    assert body["totals"]["cost_usd"] == "2.000000000000"

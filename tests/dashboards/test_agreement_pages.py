"""/rates/commitments and /rates/deployments."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from dashboards.spend_commitments import state_of
from finops.accounts.models import AuditEntry, Membership, Role, Workspace
from finops.accounts.workspaces import create_workspace
from finops.clickhouse.client import Warehouse
from finops.pricing.drawdown import drawdown
from finops.pricing.models import Deployment, SpendCommitment
from tests.queries.rows import Charge, at, ledger_of

PROMISE = {
    "provider": "openai",
    "committed_usd": "1000",
    "discount_percent": "12.5",
    "valid_from": "2026-01-01",
    "valid_to": "2026-11-22",
    "why": "contract 7",
    "workspace": "acme",
}
CHAT = {
    "provider": "azure",
    "name": "Prod-Chat",
    "model": "gpt-4o-mini",
    "valid_from": "2026-06-01",
    "why": "portal",
    "workspace": "acme",
}


@pytest.fixture
def analyst(page: Client) -> Client:
    Membership.objects.update(role=Role.ANALYST)
    return page


def test_a_commitment_is_entered_drawn_down_and_ended(
    analyst: Client, acme: Workspace, configured_ch: Warehouse
) -> None:
    ledger_of(
        configured_ch,
        Charge(at("10:00"), Decimal(250), workspace_id=acme.pk),
        Charge(at("10:00"), Decimal(9), workspace_id=acme.pk + 1),
    )
    html = analyst.post("/rates/commitments/new", PROMISE, follow=True).content.decode()
    assert "$250.00" in html
    assert "of $1,000.00 · 25 %" in html
    assert "12.5 %" in html
    assert "victor@acme.example" in html

    one = SpendCommitment.objects.get(workspace=acme)
    end = {"valid_to": "2026-11-21", "workspace": "acme"}
    html = analyst.post(f"/rates/commitments/{one.pk}/end", end, follow=True).content.decode()
    # the call of that day is no longer in the term
    assert "of $1,000.00 · 0.0 %" in html
    assert "Shortfall" in html
    actions = AuditEntry.objects.filter(action__startswith="commitment").order_by("pk")
    assert [entry.action for entry in actions] == ["commitment.saved", "commitment.ended"]


@pytest.mark.parametrize(
    ("now", "spent", "state"),
    [
        (datetime(2025, 12, 31, tzinfo=UTC), 0, ("later", "")),
        (datetime(2026, 7, 2, 12, tzinfo=UTC), 499, ("behind", "warn")),
        (datetime(2026, 7, 2, 12, tzinfo=UTC), 500, ("on pace", "good")),
        (datetime(2026, 7, 2, 12, tzinfo=UTC), 1000, ("met", "good")),
        (datetime(2027, 1, 1, tzinfo=UTC), 999, ("fell short", "bad")),
        (datetime(2027, 1, 1, tzinfo=UTC), 1001, ("met", "good")),
    ],
)
def test_a_commitment_says_where_it_stands(
    now: datetime, spent: int, state: tuple[str, str]
) -> None:
    promise = SpendCommitment(
        provider="openai",
        committed_usd=Decimal(1000),
        valid_from=datetime(2026, 1, 1, tzinfo=UTC),
        valid_to=datetime(2027, 1, 1, tzinfo=UTC),
    )
    stands = drawdown(promise, {"openai": Decimal(spent)}, now=now)
    assert state_of(promise, stands, now) == state


def test_a_deployment_is_named_and_ended(analyst: Client, acme: Workspace) -> None:
    html = analyst.post("/rates/deployments/new", CHAT, follow=True).content.decode()
    assert "azure/prod-chat" in html
    assert "azure/gpt-4o-mini" in html
    one = Deployment.objects.get(workspace=acme)
    end = {"valid_to": "2026-07-01", "workspace": "acme"}
    assert analyst.post(f"/rates/deployments/{one.pk}/end", end).status_code == 302
    one.refresh_from_db()
    assert one.valid_to == datetime(2026, 7, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("address", "body", "said"),
    [
        ("commitments", {**PROMISE, "valid_to": "2025-01-01"}, "end has to be after"),
        ("commitments", {**PROMISE, "committed_usd": "much"}, "Enter a number"),
        ("deployments", {**CHAT, "name": ""}, "This field is required"),
        ("deployments", {**CHAT, "provider": "openai", "name": "gpt-4o"}, "price list itself"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    analyst: Client, address: str, body: dict[str, Any], said: str
) -> None:
    html = analyst.post(f"/rates/{address}/new", body).content.decode()
    assert said in html
    assert not SpendCommitment.objects.exists()
    assert not Deployment.objects.exists()


def test_a_viewer_changes_nothing_and_nobody_sees_anothers(page: Client, acme: Workspace) -> None:
    globex = create_workspace("globex", "Globex")
    common: dict[str, Any] = {
        "workspace": globex,
        "valid_from": datetime(2026, 6, 1, tzinfo=UTC),
        "why": "secret",
    }
    theirs = Deployment.objects.create(**common, name="chat", model="gpt-4o")
    assert "secret" not in page.get("/rates/deployments").content.decode()
    for address, body in (("commitments", PROMISE), ("deployments", CHAT)):
        assert page.post(f"/rates/{address}/new", body).status_code == 403
    Membership.objects.update(role=Role.ANALYST)
    end = {"valid_to": "2026-07-01", "workspace": "acme"}
    assert page.post(f"/rates/deployments/{theirs.pk}/end", end).status_code == 404

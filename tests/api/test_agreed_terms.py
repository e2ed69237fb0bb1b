"""Deployments, spend commitments, exchange rates and the display currency over REST."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from finops.accounts.models import Workspace
from finops.clickhouse.client import Warehouse
from finops.pricing.models import Deployment, ExchangeRate, SpendCommitment
from tests.api.conftest import with_key
from tests.queries.rows import Charge, at, ledger_of

V1 = "/api/v1"
DEPLOYMENT = {
    "provider": "azure",
    "name": "Prod-Chat",
    "model": "gpt-4o-mini",
    "valid_from": "2026-06-01T00:00:00Z",
    "why": "portal",
}
COMMITMENT = {
    "provider": "openai",
    "committed_usd": "1000",
    "discount_percent": "10",
    "valid_from": "2026-01-01T00:00:00Z",
    "valid_to": "2027-01-01T00:00:00Z",
    "why": "contract 7",
}
EXCHANGE = {"currency": "EUR", "day": "2026-11-20", "per_usd": "0.92", "why": "ECB"}


def test_a_deployment_is_named_listed_and_ended(acme: Workspace, globex: Workspace) -> None:
    ours, theirs = with_key(acme, "read", "admin"), with_key(globex, "read", "admin")
    body = ours.post(f"{V1}/deployments", DEPLOYMENT).json()
    assert (body["name"], body["model_provider"], body["valid_to"]) == ("prod-chat", "", None)
    assert ours.get(f"{V1}/deployments").json() == {"deployments": [body]}
    assert theirs.get(f"{V1}/deployments").json() == {"deployments": []}

    end = {"valid_to": "2026-07-01T00:00:00Z"}
    assert theirs.patch(f"{V1}/deployments/{body['id']}", end).status_code == 404
    assert ours.patch(f"{V1}/deployments/{body['id']}", end).json() == {**body, **end}
    again = ours.post(f"{V1}/deployments", {**DEPLOYMENT, "valid_from": "2026-06-15T00:00:00Z"})
    assert again.json()["error"]["code"] == "deployment_overlaps"


def test_a_commitment_says_how_far_it_is_drawn_down(
    acme: Workspace, globex: Workspace, configured_ch: Warehouse
) -> None:
    ledger_of(
        configured_ch,
        Charge(at("10:00"), Decimal(250), provider="openai", workspace_id=acme.pk),
        Charge(at("11:00"), Decimal(40), provider="anthropic", workspace_id=acme.pk),
        Charge(at("11:00"), Decimal(7), provider="openai", workspace_id=globex.pk),
    )
    ours, theirs = with_key(acme, "read", "admin"), with_key(globex, "read", "admin")
    # It ends before the tests' clock may: drawn is then what was spent until that day.
    terms = {**COMMITMENT, "valid_to": "2026-11-21T12:00:00Z"}
    body = ours.post(f"{V1}/spend-commitments", terms).json()
    assert (body["drawn_usd"], body["remaining_usd"]) == ("250.000000000000", "750.000000000000")
    assert body["discount_percent"] == "10.0000"
    assert ours.get(f"{V1}/spend-commitments").json() == {"spend_commitments": [body]}

    one = f"{V1}/spend-commitments/{body['id']}"
    end = {"valid_to": "2026-11-21T10:00:00Z"}
    assert theirs.patch(one, end).status_code == 404
    # the call of 10:00 is no longer in the term
    assert ours.patch(one, end).json()["drawn_usd"] == "0.000000000000"


def test_exchange_rates_are_entered_corrected_and_taken_back(
    acme: Workspace, globex: Workspace
) -> None:
    ours, theirs = with_key(acme, "read", "admin"), with_key(globex, "read", "admin")
    first = ours.post(f"{V1}/exchange-rates", EXCHANGE).json()
    body = ours.post(f"{V1}/exchange-rates", {**EXCHANGE, "per_usd": "0.93"}).json()
    assert body == {**first, "per_usd": "0.9300000000"}
    assert ours.get(f"{V1}/exchange-rates").json() == {"exchange_rates": [body]}
    assert theirs.get(f"{V1}/exchange-rates").json() == {"exchange_rates": []}
    one = f"{V1}/exchange-rates/{body['id']}"
    assert theirs.delete(one).status_code == 404
    assert ours.delete(one).status_code == 204
    assert not ExchangeRate.objects.exists()


def test_the_display_currency_is_chosen(acme: Workspace, globex: Workspace) -> None:
    ours, theirs = with_key(acme, "read", "admin"), with_key(globex, "read")
    assert ours.put(f"{V1}/display-currency", {"currency": "EUR"}).json() == {"currency": "EUR"}
    assert ours.get(f"{V1}/display-currency").json() == {"currency": "EUR"}
    assert theirs.get(f"{V1}/display-currency").json() == {"currency": "USD"}


@pytest.mark.parametrize(
    ("path", "body", "change", "param"),
    [
        ("deployments", DEPLOYMENT, {"name": " "}, "name"),
        ("deployments", DEPLOYMENT, {"model": None}, "model"),
        ("deployments", DEPLOYMENT, {"tenant": "x"}, "tenant"),
        ("spend-commitments", COMMITMENT, {"committed_usd": "0"}, "committed_usd"),
        ("spend-commitments", COMMITMENT, {"valid_to": "2025-01-01T00:00:00Z"}, "valid_to"),
        ("exchange-rates", EXCHANGE, {"currency": "euro"}, "currency"),
        ("exchange-rates", EXCHANGE, {"currency": "USD"}, "currency"),
        ("exchange-rates", EXCHANGE, {"per_usd": "NaN"}, "per_usd"),
    ],
)
def test_a_wrong_field_is_named(
    acme: Workspace, path: str, body: dict[str, Any], change: dict[str, Any], param: str
) -> None:
    response = with_key(acme, "admin").post(f"{V1}/{path}", {**body, **change})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param
    for kept in (Deployment, SpendCommitment, ExchangeRate):
        assert not kept.objects.exists()


@pytest.mark.parametrize(
    ("path", "body"),
    [("deployments", DEPLOYMENT), ("spend-commitments", COMMITMENT), ("exchange-rates", EXCHANGE)],
)
def test_scopes_divide_reading_from_writing(
    acme: Workspace, path: str, body: dict[str, Any]
) -> None:
    assert with_key(acme, "read").post(f"{V1}/{path}", body).status_code == 403
    assert with_key(acme, "ingest").get(f"{V1}/{path}").status_code == 403
    assert APIClient().get(f"{V1}/{path}").status_code == 401


def test_a_discount_on_a_provider_and_a_price_by_use_go_over_rest(acme: Workspace) -> None:
    client = with_key(acme, "read", "admin")
    common = {"valid_from": "2026-06-01T00:00:00Z", "why": "contract 7"}
    wide = client.post(
        f"{V1}/rate-overrides",
        {**common, "provider": "openai", "model": "*", "discount_percent": "5"},
    )
    assert wide.status_code == 201
    used = client.post(
        f"{V1}/rate-overrides",
        {**common, "model": "whisper-1", "region": "EU", "uses_usd": {"audio_hour": "0.18"}},
    ).json()
    assert (used["region"], used["uses_usd"]) == ("eu", {"audio_hour": "0.180000000000"})
    wrong = client.post(
        f"{V1}/rate-overrides", {**common, "model": "x", "uses_usd": {"coffee": "1"}}
    )
    assert wrong.json()["error"]["param"] == "uses_usd"

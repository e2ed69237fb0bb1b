"""Every error has one shape, whatever went wrong and whatever format was asked for."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient
from rest_framework.throttling import UserRateThrottle

from finops.accounts.keys import create_key, revoke_key
from finops.accounts.models import Role, User, Workspace
from finops.accounts.workspaces import set_role
from finops.clickhouse.client import Warehouse
from finops.config import load_config
from finops.queries.ledger import SETTINGS
from tests.api.conftest import with_key
from tests.queries.rows import at

URL = "/api/v1/unit-costs"
FIELDS = ["type", "code", "message", "param", "request_id", "doc_url"]


def error_of(response: Any) -> dict[str, Any]:
    assert response["Content-Type"].startswith("application/json")
    body = response.json()
    assert list(body) == ["error"]
    error: dict[str, Any] = body["error"]
    assert list(error) == FIELDS
    assert error["message"]
    assert error["request_id"] == response["X-Request-Id"]
    return error


def test_without_a_key_the_answer_says_how_to_authenticate(client: Client, db: None) -> None:
    response = client.get(URL)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="inferledger"'
    assert error_of(response)["code"] == "not_authenticated"


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer ilk_abcdefgh_" + "x" * 43,
        "Bearer ü",
        "bearer a b",
        "Basic eA==",
    ],
)
def test_a_wrong_key_is_refused(client: Client, db: None, header: str) -> None:
    response = client.get(URL, headers={"Authorization": header.encode().decode("latin-1")})
    assert response.status_code == 401
    assert "WWW-Authenticate" in response
    error_of(response)


def test_a_revoked_key_is_refused(acme: Workspace) -> None:
    key, secret = create_key(acme, "old", ["read"])
    revoke_key(key, now=at("10:00"))
    response = APIClient().get(URL, headers={"Authorization": f"Bearer {secret}"})
    assert response.status_code == 401
    assert error_of(response)["code"] == "invalid_api_key"


@pytest.mark.parametrize("scope", ["ingest", "admin"])
def test_a_key_without_the_scope_read_may_not_read(acme: Workspace, scope: str) -> None:
    response = with_key(acme, scope).get(URL)
    assert response.status_code == 403
    error = error_of(response)
    assert (error["type"], error["code"]) == ("permission_denied", "missing_scope")


def test_a_person_without_a_workspace_may_not_read(db: None) -> None:
    client = APIClient()
    client.force_login(User.objects.create_user("new@acme.example", None))
    response = client.get(URL)
    assert response.status_code == 403
    assert error_of(response)["code"] == "missing_role"


def test_an_address_that_does_not_exist(api: APIClient) -> None:
    response = api.get("/api/v1/nothing")
    assert response.status_code == 404
    assert error_of(response)["code"] == "not_found"


@pytest.mark.parametrize("slug", ["globex", "unknown", ""])
def test_a_person_names_no_workspace_here_and_so_switches_to_none(
    victor: User, globex: Workspace, slug: str
) -> None:
    set_role(victor, globex, Role.VIEWER)
    client = APIClient()
    client.force_login(victor)
    response = client.get(URL, {"workspace": slug})
    assert response.status_code == 400
    error = error_of(response)
    assert (error["code"], error["param"]) == ("unknown_parameter", "workspace")
    assert "workspace" not in client.session


def test_a_method_that_is_not_offered(api: APIClient) -> None:
    response = api.post(URL, {})
    assert response.status_code == 405
    assert "GET" in response["Allow"]
    assert error_of(response)["code"] == "method_not_allowed"


def test_a_format_that_is_not_offered(api: APIClient) -> None:
    response = api.get(URL, headers={"Accept": "application/pdf"})
    assert response.status_code == 406
    assert error_of(response)["code"] == "not_acceptable"


def test_a_body_that_is_not_json(acme: Workspace) -> None:
    client = with_key(acme, "admin")
    response = client.post("/api/v1/budgets", b"a=1", content_type="text/plain")
    assert response.status_code == 415
    assert error_of(response)["code"] == "unsupported_media_type"
    response = client.post("/api/v1/budgets", b"{", content_type="application/json")
    assert response.status_code == 400
    assert error_of(response)["code"] == "parse_error"


def test_an_error_is_json_where_csv_was_asked_for(api: APIClient) -> None:
    response = api.get(URL, {"limit": "x"}, headers={"Accept": "text/csv"})
    assert error_of(response)["param"] == "limit"


@pytest.mark.parametrize("format", ["json", "csv"])
def test_a_warehouse_that_is_away_is_a_503_with_a_time_to_come_back(
    api: APIClient, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    monkeypatch.setenv("FINOPS_CLICKHOUSE_URL", "clickhouse://finops:x@127.0.0.1:1/finops")
    load_config.cache_clear()
    response = api.get(URL, {"format": format})
    monkeypatch.undo()
    load_config.cache_clear()

    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    error = error_of(response)
    assert (error["type"], error["code"]) == ("unavailable", "warehouse_unavailable")
    assert "127.0.0.1" not in error["message"]


@pytest.mark.parametrize(
    ("setting", "value", "code", "advice"),
    [
        ("max_execution_time", 0.000001, "query_timeout", "ask for less"),
        ("max_memory_usage", 1000, "warehouse_busy", "or for less"),
    ],
)
def test_a_question_beyond_its_limits_is_told_to_ask_for_less(
    api: APIClient,
    configured_ch: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    value: float,
    code: str,
    advice: str,
) -> None:
    assert setting in SETTINGS
    monkeypatch.setitem(SETTINGS, setting, value)
    response = api.get(URL, {"from": "2026-11-20", "to": "2026-11-21"})
    assert response.status_code == 503
    error = error_of(response)
    assert (error["type"], error["code"]) == ("unavailable", code)
    assert advice in error["message"]


def test_a_statement_that_fails_tells_nothing_of_our_insides(
    api: APIClient, configured_ch: Warehouse
) -> None:
    configured_ch.command("DROP TABLE usage_hourly")
    response = api.get(URL, {"from": "2026-11-20", "to": "2026-11-21"})
    assert response.status_code == 500
    error = error_of(response)
    assert (error["type"], error["code"]) == ("server_error", "internal_error")
    assert "usage_hourly" not in response.content.decode()


@pytest.fixture
def five_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UserRateThrottle, "THROTTLE_RATES", {"user": "5/min"})


def test_too_many_requests_are_told_when_to_come_back_and_keys_are_counted_apart(
    five_a_minute: None, api: APIClient, acme: Workspace
) -> None:
    answers = [api.get(URL, {"limit": "x"}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [400] * 5 + [429]
    assert 0 < int(answers[-1]["Retry-After"]) <= 61
    assert error_of(answers[-1])["type"] == "rate_limited"
    assert with_key(acme, "read").get(URL, {"limit": "x"}).status_code == 400


def test_a_changing_request_of_a_session_needs_the_token(victor: User) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(victor)
    response = client.post("/api/v1/budgets", {})
    assert response.status_code == 403
    error_of(response)

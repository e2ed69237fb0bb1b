from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from finops.accounts.keys import create_key
from finops.accounts.models import AuditEntry, User, Workspace
from finops.budgets.models import Budget
from finops.clickhouse.client import Warehouse
from tests.budgets.scenes import make_budget, raise_alert
from tests.queries.rows import Charge, ledger_of

URL = "/api/v1/budgets"
NEW = {"tenant": "acme-web", "amount_usd": "1000", "recipients": ["ann@acme.example"]}


def caller(workspace: Workspace, *scopes: str) -> APIClient:
    client = APIClient()
    _, secret = create_key(workspace, "script", scopes)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


def logged_in(user: User) -> APIClient:
    client = APIClient()
    client.force_login(user)
    return client


def test_a_key_sets_reads_changes_and_deletes_a_budget(acme: Workspace) -> None:
    client = caller(acme, "read", "admin")
    created = client.post(URL, NEW)
    assert created.status_code == 201
    one = f"{URL}/{created.json()['id']}"
    body = client.get(one).json()
    assert body["created_at"].endswith("Z")
    assert {name: body[name] for name in body if name not in ("id", "created_at")} == {
        "tenant": "acme-web",
        "amount_usd": "1000.000000000000",
        "period": "month",
        "timezone": "Europe/Berlin",
        "thresholds": [80, 100],
        "recipients": ["ann@acme.example"],
        "active": True,
        "created_by": None,
        "standing": None,
        "alerts": [],
    }
    changed = client.patch(one, {"amount_usd": "1500.5", "active": False})
    assert changed.status_code == 200
    assert (changed.json()["amount_usd"], changed.json()["active"]) == ("1500.500000000000", False)
    assert client.delete(one).status_code == 204
    assert client.get(one).status_code == 404
    entries = AuditEntry.objects.filter(action__startswith="budget").order_by("pk")
    assert [entry.action for entry in entries] == [
        "budget.created",
        "budget.changed",
        "budget.deleted",
    ]
    assert all(entry.detail["key"].startswith("key ") for entry in entries)


def test_a_budget_says_where_it_stands_and_what_was_raised(
    configured_ch: Warehouse, acme: Workspace
) -> None:
    raise_alert(make_budget(acme))
    ledger_of(
        configured_ch,
        Charge(timezone.now(), Decimal("1250"), tenant="acme-web", workspace_id=acme.pk),
    )
    (body,) = caller(acme, "read").get(URL).json()["budgets"]
    standing = body["standing"]
    assert standing["spend_usd"] == "1250.000000000000"
    assert (standing["spent_share"], standing["status"]) == (1.25, "exceeded")
    assert body["alerts"] == [
        {
            "month": "2026-11",
            "threshold": 80,
            "state": "claimed",
            "raised_at": "2026-11-15T23:00:00Z",
            "spend_usd": "840.000000000000",
            "amount_usd": "1000.000000000000",
            "finished_at": None,
            "error": "",
        }
    ]


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"amount_usd": "much"}, "amount_usd", "invalid"),
        ({"amount_usd": "-1"}, "amount_usd", "min_value"),
        ({"amount_usd": "NaN"}, "amount_usd", "invalid"),
        ({"amount_usd": None}, "amount_usd", "null"),
        ({"thresholds": [100, 80]}, "thresholds", "invalid"),
        ({"thresholds": [0]}, "thresholds.0", "min_value"),
        ({"thresholds": []}, "thresholds", "min_length"),
        ({"recipients": ["nobody"]}, "recipients.0", "invalid"),
        ({"recipients": []}, "recipients", "min_length"),
        ({"amount": "1"}, "amount", "unknown_field"),
        ({"tenant": "x" * 201}, "tenant", "max_length"),
    ],
)
def test_a_wrong_field_is_named_in_the_one_shape(
    acme: Workspace, change: dict[str, Any], param: str, code: str
) -> None:
    response = caller(acme, "admin").post(URL, {**NEW, **change})
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["type"], error["param"], error["code"]) == ("invalid_request", param, code)
    assert error["request_id"] == response["X-Request-Id"]
    assert not Budget.objects.exists()


@pytest.mark.parametrize("body", [[], "text", 7, None])
def test_a_body_that_is_no_object_is_refused(acme: Workspace, body: Any) -> None:
    assert caller(acme, "admin").post(URL, body).status_code == 400


def test_a_missing_field_is_named(acme: Workspace) -> None:
    error = caller(acme, "admin").post(URL, {"amount_usd": "5"}).json()["error"]
    assert (error["param"], error["code"]) == ("recipients", "required")


def test_a_second_active_budget_is_refused_with_a_code(acme: Workspace) -> None:
    client = caller(acme, "admin")
    client.post(URL, NEW)
    response = client.post(URL, NEW)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "budget_exists"


def test_whose_budget_it_is_can_not_be_changed(acme: Workspace) -> None:
    budget = make_budget(acme)
    response = caller(acme, "admin").patch(f"{URL}/{budget.pk}", {"tenant": "other"})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "tenant"


def test_scopes_divide_reading_from_writing(acme: Workspace) -> None:
    one = f"{URL}/{make_budget(acme).pk}"
    reader, writer, sender = (caller(acme, scope) for scope in ("read", "admin", "ingest"))
    assert reader.get(URL).status_code == reader.get(one).status_code == 200
    assert reader.post(URL, NEW).status_code == 403
    assert reader.patch(one, {"active": False}).status_code == 403
    assert reader.delete(one).status_code == 403
    assert writer.get(URL).status_code == 403
    assert sender.get(URL).status_code == sender.post(URL, NEW).status_code == 403
    assert APIClient().get(URL).status_code == APIClient().post(URL, NEW).status_code == 401
    assert Budget.objects.get().active


def test_roles_divide_reading_from_writing(ann: User, victor: User) -> None:
    assert logged_in(victor).get(URL).status_code == 200
    assert logged_in(victor).post(URL, NEW).status_code == 403
    created = logged_in(ann).post(URL, NEW)
    assert created.status_code == 201
    assert created.json()["created_by"] == "ann@acme.example"


def test_a_session_needs_the_csrf_token_to_write(ann: User) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(ann)
    assert client.post(URL, NEW).status_code == 403
    assert not Budget.objects.exists()


def test_another_workspaces_budget_does_not_exist(acme: Workspace, globex: Workspace) -> None:
    one = f"{URL}/{make_budget(acme).pk}"
    stranger = caller(globex, "read", "admin")
    assert stranger.get(URL).json() == {"budgets": []}
    assert stranger.get(one).status_code == 404
    assert stranger.patch(one, {"active": False}).status_code == 404
    assert stranger.delete(one).status_code == 404
    assert Budget.objects.get().active


def test_an_id_beyond_every_database_is_not_found(acme: Workspace) -> None:
    assert caller(acme, "read").get(f"{URL}/{10**30}").status_code == 404


def test_the_schema_describes_all_of_it(client: Any, db: None) -> None:
    paths = client.get("/api/v1/schema?format=json").json()["paths"]
    assert set(paths[URL]) == {"get", "post"}
    assert set(paths[f"{URL}/{{budget_id}}"]) == {"get", "patch", "delete"}

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from rest_framework.test import APIClient

from finops.accounts.models import User, Workspace
from finops.clickhouse.client import Warehouse
from finops.health.heartbeat import LOADED, beat
from tests.queries.rows import Charge, add_charges, at, ledger_of

URL = "/api/v1/unit-costs"
DAY = {"from": "2026-11-21", "to": "2026-11-22"}


def csv_rows(response: Any) -> list[dict[str, str]]:
    assert response.streaming
    text = b"".join(response).decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_a_row_holds_every_measure_to_the_last_digit(
    api: APIClient, acme: Workspace, configured_ch: Warehouse
) -> None:
    ws = acme.pk
    ledger_of(
        configured_ch,
        Charge(at("10:00"), Decimal("0.10"), last_attempt=0, waste_class="retry", workspace_id=ws),
        Charge(at("10:01"), Decimal("0.20"), cache_read_tokens=7, workspace_id=ws),
        Charge(at("10:02"), Decimal("0.30"), reasoning_tokens=3, workspace_id=ws),
        Charge(at("10:03"), Decimal("0.50"), workspace_id=ws),
        Charge(at("10:04"), None, workspace_id=ws, unpriced_reason="no_rate"),
    )

    body = api.get(URL, DAY).json()

    assert body["rows"] == [
        {
            "tenant": "acme",
            "model": "gpt-4o",
            "requests": 4,
            "successful_requests": 4,
            "calls": 5,
            "unpriced_calls": 1,
            "input_tokens": 507,
            "output_tokens": 53,
            "cost_usd": "1.100000000000",
            "clean_cost_usd": "1.000000000000",
            "waste_cost_usd": "0.100000000000",
            "retry_cost_usd": "0.100000000000",
            "failed_cost_usd": "0.000000000000",
            "fallback_cost_usd": "0.000000000000",
            "aborted_cost_usd": "0.000000000000",
            "duplicate_cost_usd": "0.000000000000",
            "cost_per_successful_request_usd": "0.250000000000",
            "waste_cost_per_successful_request_usd": "0.025000000000",
            "loaded_cost_per_successful_request_usd": "0.275000000000",
        }
    ]
    only_measures = {k: v for k, v in body["rows"][0].items() if k not in ("tenant", "model")}
    assert body["totals"] == only_measures
    assert {name: body[name] for name in ("from", "to", "group_by", "groups", "truncated")} == {
        "from": "2026-11-21T00:00:00Z",
        "to": "2026-11-22T00:00:00Z",
        "group_by": ["tenant", "model"],
        "groups": 1,
        "truncated": False,
    }


def test_money_that_is_not_known_is_null(
    api: APIClient, acme: Workspace, configured_ch: Warehouse
) -> None:
    ledger_of(configured_ch, Charge(at("10:00"), None, workspace_id=acme.pk))
    (row,) = api.get(URL, DAY).json()["rows"]
    assert {value for name, value in row.items() if name.endswith("_usd")} == {None}


def test_the_range_defaults_to_the_last_24_hours(
    api: APIClient, acme: Workspace, configured_ch: Warehouse
) -> None:
    with time_machine.travel(at("14:05:12"), tick=False):
        body = api.get(URL).json()
    assert (body["from"], body["to"]) == ("2026-11-20T14:05:12Z", "2026-11-21T14:05:12Z")


def test_times_with_an_offset_are_understood_also_with_a_lost_plus(
    api: APIClient, configured_ch: Warehouse
) -> None:
    query = "from=2026-11-21T10:00:00%2B02:00&to=2026-11-21T10:30:00.000001+01:00"
    body = api.get(f"{URL}?{query}").json()
    assert (body["from"], body["to"]) == ("2026-11-21T08:00:00Z", "2026-11-21T09:30:00.000001Z")


def test_filters_keep_what_they_name_and_an_empty_one_the_unattributed(
    api: APIClient, acme: Workspace, configured_ch: Warehouse
) -> None:
    ledger_of(
        configured_ch,
        *(
            Charge(at("10:00"), Decimal(i), tenant=tenant, workspace_id=acme.pk)
            for i, tenant in enumerate(("a", "b", ""), start=1)
        ),
    )

    def tenants(**query: Any) -> list[str]:
        rows = api.get(URL, {**DAY, "group_by": "tenant", **query}).json()["rows"]
        return [row["tenant"] for row in rows]

    assert tenants() == ["", "b", "a"]
    assert tenants(tenant=["a", "b"]) == ["b", "a"]
    assert tenants(tenant="") == [""]
    assert tenants(model="other") == []
    assert tenants(order="cost_usd", limit=2) == ["a", "b"]


def test_costed_to_says_how_far_the_numbers_reach(api: APIClient, configured_ch: Warehouse) -> None:
    assert api.get(URL, DAY).json()["costed_to"] is None
    beat(LOADED, at("14:05:12.345"))
    assert api.get(URL, DAY).json()["costed_to"] == "2026-11-21T14:05:12.345000Z"


@pytest.mark.parametrize("ask", [{"query": {"format": "csv"}}, {"accept": "text/csv"}])
def test_csv_has_the_same_rows_with_unknown_money_empty(
    api: APIClient, acme: Workspace, configured_ch: Warehouse, ask: dict[str, Any]
) -> None:
    ledger_of(
        configured_ch,
        Charge(at("10:00"), Decimal("1.5"), workspace_id=acme.pk),
        Charge(at("10:00"), None, model="mystery", workspace_id=acme.pk),
    )

    response = api.get(
        URL, {**DAY, **ask.get("query", {})}, headers={"Accept": ask.get("accept", "*/*")}
    )

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert "unit-costs_2026-11-21_2026-11-22.csv" in response["Content-Disposition"]
    priced, unpriced = csv_rows(response)
    assert priced["cost_usd"] == "1.500000000000"
    assert unpriced["cost_usd"] == ""
    assert unpriced["calls"] == "1"
    as_json = api.get(URL, DAY).json()["rows"]
    assert list(priced) == list(as_json[0])


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("  =1", "'  =1"),
        ('a,"b"\n', 'a,"b"\n'),
        ("acme", "acme"),
    ],
)
def test_a_name_that_a_spreadsheet_would_run_is_defused(
    api: APIClient, acme: Workspace, configured_ch: Warehouse, name: str, cell: str
) -> None:
    ledger_of(configured_ch, Charge(at("10:00"), tenant=name, workspace_id=acme.pk))
    (row,) = csv_rows(api.get(URL, {**DAY, "format": "csv"}))
    assert row["tenant"] == cell


def test_csv_streams_every_row_whatever_the_limit(
    api: APIClient, acme: Workspace, configured_ch: Warehouse
) -> None:
    many = [Charge(at("10:00"), tenant=f"t{i:05}", workspace_id=acme.pk) for i in range(1200)]
    add_charges(configured_ch, many)
    query: dict[str, Any] = {
        "from": "2026-11-21T09:59:00Z",
        "to": "2026-11-21T10:01:00Z",
        "limit": 10,
    }
    assert len(csv_rows(api.get(URL, {**query, "format": "csv"}))) == 1200

    body = api.get(URL, query).json()
    assert (len(body["rows"]), body["groups"], body["truncated"]) == (10, 1200, True)
    assert body["totals"]["calls"] == 1200


@pytest.mark.parametrize(
    ("query", "param", "code"),
    [
        ("from=yesterday", "from", "invalid_time"),
        ("to=2026-11-21T10:00:00", "to", "invalid_time"),
        ("to=2026-11-31", "to", "invalid_time"),
        ("from=2026-11-22&to=2026-11-21", "from", "invalid_range"),
        ("from=0001-01-01&to=2026-11-21", "from", "invalid_range"),
        ("to=0001-01-01", "from", "invalid_range"),
        ("from=2024-01-01&to=2026-11-21", "from", "invalid_range"),
        ("from=", "from", "invalid_time"),
        ("group_by=tenant,user_id", "group_by", "unknown_group_by"),
        ("group_by=", "group_by", "unknown_group_by"),
        ("group_by=tenant)%20FROM%20system.users--", "group_by", "unknown_group_by"),
        ("order=cost", "order", "unknown_order"),
        ("limit=0", "limit", "invalid_limit"),
        ("limit=10001", "limit", "invalid_limit"),
        ("limit=%C2%B2", "limit", "invalid_limit"),
        ("tennant=acme", "tennant", "unknown_parameter"),
        ("workspace=globex", "workspace", "unknown_parameter"),
        ("from=2026-11-20&from=2026-11-21", "from", "repeated_parameter"),
        ("tenant=%00", "tenant", "invalid_value"),
        ("tenant=" + "x" * 1001, "tenant", "too_many_values"),
        ("format=xml", "format", "unknown_format"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named(
    api: APIClient, configured_ch: Warehouse, query: str, param: str, code: str
) -> None:
    response = api.get(f"{URL}?{query}")
    error = response.json()["error"]
    assert (response.status_code, error["param"], error["code"]) == (400, param, code)
    assert error["type"] == "invalid_request"
    assert error["request_id"] == response["X-Request-Id"]


def test_a_person_with_a_session_may_ask_too(
    victor: User, acme: Workspace, configured_ch: Warehouse
) -> None:
    ledger_of(configured_ch, Charge(at("10:00"), workspace_id=acme.pk))
    client = APIClient()
    client.force_login(victor)
    assert client.get(URL, DAY).json()["totals"]["calls"] == 1


def test_new_charges_are_in_the_next_answer(
    api: APIClient, acme: Workspace, configured_ch: Warehouse
) -> None:
    now = datetime.now(UTC)
    assert api.get(URL).json()["totals"]["calls"] == 0
    add_charges(configured_ch, [Charge(now - timedelta(seconds=5), workspace_id=acme.pk)])
    body = api.get(URL, {"from": (now - timedelta(minutes=1)).isoformat()}).json()
    assert body["totals"]["calls"] == 1

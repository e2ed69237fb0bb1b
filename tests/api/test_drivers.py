from __future__ import annotations

from decimal import Decimal

import pytest
from rest_framework.test import APIClient

from finops.accounts.models import Workspace
from finops.clickhouse.client import Warehouse
from tests.api.conftest import with_key
from tests.queries.rows import Charge, at, ledger_of

RANGE = {"from": "2026-11-21T12:00:00Z", "to": "2026-11-21T14:00:00Z"}


@pytest.fixture
def grown(configured_ch: Warehouse, acme: Workspace) -> Warehouse:
    """From one action at $1 to two at $1 and one of a new model at $0.50."""
    ledger_of(
        configured_ch,
        Charge(at("10:30"), action_id="a", workspace_id=acme.pk),
        Charge(at("12:30"), action_id="b", workspace_id=acme.pk),
        Charge(at("13:30"), action_id="c", workspace_id=acme.pk),
        Charge(at("13:40"), Decimal("0.50"), action_id="d", model="mini", workspace_id=acme.pk),
    )
    return configured_ch


def test_a_change_is_told_in_parts_that_sum_to_it(api: APIClient, grown: Warehouse) -> None:
    body = api.get("/api/v1/drivers", {**RANGE, "group_by": "model"}).json()
    assert body["baseline"] == {"from": "2026-11-21T10:00:00Z", "to": "2026-11-21T12:00:00Z"}
    total = body["total"]
    assert total["before_usd"] == "1.000000000000"
    assert total["change_usd"] == "1.500000000000"
    parts = {name: Decimal(text) for name, text in total["parts"].items()}
    assert sum(parts.values()) == Decimal(total["change_usd"])
    assert parts["volume_usd"] > 0 > parts["model_mix_usd"]
    assert [row["name"] for row in body["rows"]] == ["gpt-4o", "mini"]


def test_a_baseline_can_be_given(api: APIClient, grown: Warehouse) -> None:
    baseline = {"baseline_from": "2026-11-21T13:00:00Z", "baseline_to": "2026-11-21T13:35:00Z"}
    body = api.get("/api/v1/drivers", {**RANGE, **baseline}).json()
    assert body["total"]["before_usd"] == "1.000000000000"
    assert body["rows"][0]["name"] == "acme"


@pytest.mark.parametrize(
    ("query", "code", "param"),
    [
        ({"baseline_from": "2026-11-20"}, "incomplete_baseline", "baseline_from"),
        ({"baseline_from": "2026-11-20", "baseline_to": "2026-11-20"}, "invalid_range",
         "baseline_from"),
        ({"baseline_from": "x", "baseline_to": "2026-11-19"}, "invalid_time", "baseline_from"),
        ({"group_by": "tenant,model"}, "unknown_group_by", "group_by"),
        ({"tennant": "x"}, "unknown_parameter", "tennant"),
        ({"from": "2000-01-01", "to": "2000-01-02"}, "invalid_range", "from"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_named(
    api: APIClient, query: dict[str, str], code: str, param: str
) -> None:
    response = api.get("/api/v1/drivers", query)
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["code"], error["param"]) == (code, param)


def test_another_workspace_learns_nothing(grown: Warehouse, globex: Workspace) -> None:
    theirs = with_key(globex, "read")
    body = theirs.get("/api/v1/drivers", {**RANGE, "tenant": "acme"}).json()
    assert (body["rows"], body["total"]["after_usd"]) == ([], "0.000000000000")
    assert theirs.get("/api/v1/commitments", RANGE).json()["hours"] == 0
    missing = theirs.get("/api/v1/ownership", RANGE).json()["missing"]
    assert {"output_tokens", "api_usd"} <= set(missing)

from __future__ import annotations

from decimal import Decimal

import pytest
from rest_framework.test import APIClient

from finops.accounts.models import Workspace
from finops.clickhouse.client import Warehouse
from tests.queries.rows import Charge, at, ledger_of
from tests.queries.test_demand import GPU_HOUR_MS, bill

RANGE = {"from": "2026-11-21T10:00:00Z", "to": "2026-11-21T14:00:00Z"}
SERVED = {"throughput_tokens_s": "1000", "output_tokens": "1000000000", "api_usd": "10000"}


@pytest.fixture
def spent(configured_ch: Warehouse, acme: Workspace) -> Warehouse:
    """$10 an hour in three hours of four, $2 in the last one."""
    usd = {"10": 10, "11": 10, "12": 10, "13": 2}
    ledger_of(
        configured_ch,
        *(
            Charge(at(f"{hour}:30"), Decimal(amount), workspace_id=acme.pk, output_tokens=36_000)
            for hour, amount in usd.items()
        ),
    )
    return configured_ch


def test_what_to_promise_of_spend(api: APIClient, spent: Warehouse) -> None:
    query = {**RANGE, "discount_1y_percent": "50", "discount_3y_percent": "20"}
    body = api.get("/api/v1/commitments", query).json()
    none, year, three = body["plans"]
    # all on demand: $32 in four hours; $10 at half the price in four hours: $20
    assert none["total_usd"] == body["all_on_demand_usd"] == f"{32 * Decimal('730.5') / 4:.12f}"
    assert (year["level"], year["break_even_share"], year["used_share"]) == ("10", "0.5", "0.8")
    assert year["saving_usd"] == f"{12 * Decimal('730.5') / 4:.12f}"
    # at 80 % of the price only what is used in all four hours is worth it
    assert three["level"] == "2"
    assert (body["best"], body["recommended"]) == ("1 year", False)
    assert "So none is recommended" in body["cautions"][0]
    assert [each["demand"] for each in body["if_demand_changes"]][3] == "1"


def test_what_to_reserve_of_a_pool(
    api: APIClient, configured_ch: Warehouse, acme: Workspace
) -> None:
    two = 2 * GPU_HOUR_MS
    bill(
        configured_ch,
        ("llama", "10:00", two, two, 0, 8, acme.pk),
        ("llama", "11:00", two, GPU_HOUR_MS // 2, 0, 8, acme.pk),
    )
    query = {**RANGE, "pool": "llama", "target_utilisation_percent": "100"}
    body = api.get("/api/v1/commitments", query).json()
    price = next(each for each in body["assumptions"] if each["name"] == "on_demand_usd")
    assert (price["value"], price["source"][:8]) == ("4", "measured")
    # two GPUs, then one: the second is used half of the time, at 55 % of the price for 3 years
    assert [plan["level"] for plan in body["plans"]] == ["0", "1", "1"]
    assert body["missing"] == []


def test_ways_to_serve_the_measured_traffic(api: APIClient, spent: Warehouse) -> None:
    query = {**RANGE, "throughput_tokens_s": "1000"}
    body = api.get("/api/v1/ownership", query).json()
    assumed = {each["name"]: each for each in body["assumptions"]}
    # the ledger begins at 10:30: 3.5 hours with 144,000 tokens and $32
    assert assumed["output_tokens"]["value"] == str(
        round(144_000 * Decimal("730.5") / Decimal("3.5"))
    )
    assert assumed["output_tokens"]["source"].startswith("measured")
    assert assumed["throughput_tokens_s"]["source"] == "entered by you"
    assert [way["way"] for way in body["ways"]] == ["api", "rented", "owned", "serverless"]
    assert len(body["ways"][0]["months_usd"]) == 36
    assert {each["way"] for each in body["break_even"]} == {"rented", "owned"}


def test_without_a_throughput_nothing_is_made_up(api: APIClient, spent: Warehouse) -> None:
    body = api.get("/api/v1/ownership", RANGE).json()
    assert body["missing"] == ["throughput_tokens_s"]
    assert body["ways"] == body["break_even"] == []


@pytest.mark.parametrize(
    ("path", "query", "code", "param"),
    [
        (
            "commitments",
            {"discount_1y_percent": "101"},
            "invalid_assumption",
            "discount_1y_percent",
        ),
        ("commitments", {"pool": "x", "tenant": "a"}, "no_filter_of_pool", "tenant"),
        ("commitments", {"spot_share_percent": "5"}, "unknown_parameter", "spot_share_percent"),
        ("commitments", {"from": "2026-11-22", "to": "2026-11-21"}, "invalid_range", "from"),
        ("ownership", {"pue": "NaN"}, "invalid_assumption", "pue"),
        ("ownership", {"pues": "1"}, "unknown_parameter", "pues"),
    ],
)
def test_what_cannot_be_asked_is_named(
    api: APIClient, path: str, query: dict[str, str], code: str, param: str
) -> None:
    response = api.get(f"/api/v1/{path}", query)
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["code"], error["param"]) == (code, param)


def test_numbers_beyond_all_sense_are_still_answered(
    api: APIClient, configured_ch: Warehouse
) -> None:
    extreme = {
        "output_tokens": "1e15", "input_tokens": "1e15", "api_usd": "1e12", "growth_percent": "100",
        "throughput_tokens_s": "0.01", "utilisation_percent": "1", "replica_gpus": "10000",
        "purchase_usd": "1e7", "rent_usd_hour": "10000",
    }  # fmt: skip
    assert api.get("/api/v1/ownership", extreme).status_code == 200

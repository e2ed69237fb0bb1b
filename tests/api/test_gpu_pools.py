"""/api/v1/gpu-pools and /api/v1/gpu-costs."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from finops.accounts.models import AuditEntry, Role, User, Workspace
from finops.accounts.workspaces import set_role
from finops.clickhouse.client import Warehouse
from finops.pricing.pools import GpuPool
from tests.api.conftest import with_key
from tests.costing.allocation.world import add_calls, add_pool, on_demand
from tests.queries.test_gpu_costs import add_hour

TEN = datetime(2026, 11, 21, 10, tzinfo=UTC)
MS = 3_600_000
NEW: dict[str, Any] = {
    "name": "h100",
    "serves": ["llama*"],
    "why": "PO 17",
    "gpus": {"gpus": 8, "hosts": ["node-*"], "valid_from": "2026-01-01T00:00:00Z", "why": "PO 17"},
    "price": {
        "kind": "reserved", "usd_per_gpu_hour": "2.10", "valid_from": "2026-01-01T00:00:00Z",
        "why": "contract",
    },
}  # fmt: skip


@pytest.fixture
def admin(acme: Workspace) -> APIClient:
    return with_key(acme, "read", "admin")


def test_a_pool_is_set_up_read_changed_and_deleted(admin: APIClient, acme: Workspace) -> None:
    made = admin.post("/api/v1/gpu-pools", NEW, format="json")
    assert made.status_code == 201, made.json()
    body = made.json()
    assert body["gpus"][0]["hosts"] == ["node-*"]
    assert (body["prices"][0]["usd_per_gpu_hour"], body["prices"][0]["who"]) == ("2.1", None)
    url = f"/api/v1/gpu-pools/{body['id']}"
    assert admin.get(url).json() == body
    assert admin.get("/api/v1/gpu-pools").json() == {"gpu_pools": [body]}

    changed = admin.patch(url, {"overhead_percent": "12.5", "serves": []}, format="json").json()
    assert (changed["overhead_percent"], changed["serves"]) == ("12.5", [])
    grown = {"gpus": 16, "valid_from": "2026-06-01T00:00:00Z", "why": "grown"}
    found = admin.post(f"{url}/gpus", grown, format="json").json()["gpus"]
    assert [(one["gpus"], one["valid_to"]) for one in found] == [
        (8, "2026-06-01T00:00:00Z"), (16, None)
    ]  # fmt: skip
    spot = {**NEW["price"], "kind": "spot", "gpus": 2}
    prices = admin.post(f"{url}/prices", spot, format="json").json()["prices"]
    ended = admin.patch(
        f"{url}/prices/{prices[1]['id']}", {"valid_to": "2026-07-01T00:00:00Z"}, format="json"
    ).json()["prices"]
    assert [one["valid_to"] for one in ended] == [None, "2026-07-01T00:00:00Z"]

    assert admin.delete(url).status_code == 204
    assert not GpuPool.objects.exists()
    entries = AuditEntry.objects.filter(action__startswith="gpu_pool")
    assert {entry.detail["key"].split()[0] for entry in entries} == {"key"}


def test_an_analyst_changes_a_pool_and_an_admin_deletes_it(acme: Workspace) -> None:
    url = f"/api/v1/gpu-pools/{add_pool(acme, 'p', on_demand('2')).pk}"
    ann, client = User.objects.create_user("ann@acme.example", None), APIClient()
    client.force_login(ann)
    set_role(ann, acme, Role.ANALYST)
    assert client.patch(url, {"overhead_percent": "1"}, format="json").status_code == 200
    assert client.delete(url).status_code == 403
    set_role(ann, acme, Role.ADMIN)
    assert client.delete(url).status_code == 204


def test_what_cant_be_is_a_400_that_names_the_field(admin: APIClient, api: APIClient) -> None:
    def error(body: dict[str, Any]) -> tuple[str, str]:
        answer = admin.post("/api/v1/gpu-pools", body, format="json")
        assert answer.status_code == 400
        problem = answer.json()["error"]
        return problem["param"], problem["code"]

    assert error({**NEW, "colour": "red"}) == ("colour", "unknown_field")
    assert error({**NEW, "gpus": None})[0] == "gpus"
    assert error({**NEW, "price": {**NEW["price"], "usd_per_gpu_hour": None}})[0] == (
        "usd_per_gpu_hour"
    )
    assert not GpuPool.objects.exists()
    assert api.post("/api/v1/gpu-pools", NEW, format="json").status_code == 403


def test_each_call_of_an_hour_has_its_part_of_the_row(
    api: APIClient, acme: Workspace, globex: Workspace, configured_ch: Warehouse
) -> None:
    pool = add_pool(acme, "p", on_demand("3"))
    add_calls(configured_ch, acme.pk, {"started_at": TEN}, {"started_at": TEN})
    busy = {"kind": "busy", "tenant": "acme", "model": "llama", "provider": "vllm",
            "cost_usd": Decimal("0.000000000003"), "gpu_ms": MS}  # fmt: skip
    add_hour(configured_ch, TEN, "p", [busy], workspace_id=acme.pk, gpu_ms=MS)
    url = f"/api/v1/gpu-pools/{pool.pk}/calls"
    body = api.get(url, {"hour": "2026-11-21T10:59:00Z"}).json()
    assert (body["hour"], body["truncated"]) == ("2026-11-21T10:00:00Z", False)
    costs = sorted(call["cost_usd"] for call in body["calls"])
    assert costs == ["0.000000000001", "0.000000000002"]
    assert api.get(url).json()["calls"] == []
    assert api.get(url, {"hour": "soon"}).status_code == 400
    assert with_key(globex, "read").get(url).status_code == 404


def test_costs_come_by_pool_and_by_group_and_as_csv(
    api: APIClient, acme: Workspace, globex: Workspace, configured_ch: Warehouse
) -> None:
    busy = {"kind": "busy", "tenant": "=a()", "model": "llama", "cost_usd": Decimal(1),
            "calls": 2, "tokens": 500_000, "gpu_ms": MS // 4, "energy_j": 3.6e6}  # fmt: skip
    idle = {"kind": "idle", "cost_usd": Decimal(3), "gpu_ms": MS // 4 * 3}
    times = {"gpu_ms": MS, "busy_ms": MS // 4, "idle_ms": MS // 4 * 3, "site_energy_j": 5.4e6}
    add_hour(
        configured_ch, TEN, "h100", [busy, idle], workspace_id=acme.pk, energy_j=3.6e6, **times
    )
    add_hour(configured_ch, TEN, "h100", [busy], workspace_id=globex.pk, **times)
    day = {"from": "2026-11-21T10:30:00Z", "to": "2026-11-21T12:00:00Z"}
    body = api.get("/api/v1/gpu-costs", {**day, "group_by": "kind,tenant"}).json()
    assert (body["from"], body["truncated"]) == ("2026-11-21T10:00:00Z", False)
    (pool,) = body["pools"]
    assert (pool["bill_usd"], pool["idle_usd"]) == ("4.000000000000", "3.000000000000")
    assert (pool["utilisation"], pool["kwh"], pool["kwh_per_million"]) == (0.25, 1.0, 3.0)
    assert (pool["usd_per_million"], pool["usd_per_million_full"]) == (
        "8.000000000000", "2.000000000000"
    )  # fmt: skip
    assert body["totals"] == {**pool, "pool": ""}
    assert [(row["kind"], row["cost_usd"], row["gpu_hours"]) for row in body["rows"]] == [
        ("idle", "3.000000000000", 0.75), ("busy", "1.000000000000", 0.25)
    ]  # fmt: skip
    csv = api.get("/api/v1/gpu-costs", {**day, "group_by": "tenant", "format": "csv"})
    lines = csv.content.decode().splitlines()
    assert lines[0].startswith("tenant,cost_usd,calls")
    assert lines[2].startswith("'=a(),1.000000000000,2,500000")
    for wrong in ({"group_by": "cost"}, {"colour": "x"}, {"limit": "0"}):
        assert api.get("/api/v1/gpu-costs", {**day, **wrong}).status_code == 400

"""One hour worked out by hand: two pools, three tenants, MIG, and a host that says nothing.

Pool h100: 4 GPUs at $2.50 = $10. Two of them report, busy 0.75 and 0.25 of the hour: 1 GPU-hour
busy, 1 idle; host h100-2 is silent: 2 GPU-hours unobserved. So $2.50 busy, $2.50 idle, $5
unobserved.
  acme    1,000 in, 400 out: 1,000 + 2.5 x 400 = 2,000   two thirds   $1.666666666667
  globex    500 in, 200 out:   500 + 2.5 x 200 = 1,000   one third    $0.833333333333

Pool mig: 1 GPU bought for $8,760 over 12 months = 8,760 hours: $1; hosting $0.10; 300 W for an hour
at PUE 1.5 and $0.20: $0.09; overhead 10 % of $1.19: $0.119. Instances 3g.40gb at 1.0 and 2g.20gb at
0.5: (3 + 1) / 7 busy; the two empty slices are idle. So $0.68 busy and $0.51 idle.
  initech   300 in                                = 300       0.6         $0.408
  acme      400 in, half of it before the hour    = 200       0.4         $0.272
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from finops.accounts.models import Workspace
from finops.accounts.workspaces import create_workspace
from finops.clickhouse.client import Warehouse
from finops.costing.allocation.calls import calls_of_hour
from finops.costing.allocation.check import differences
from finops.costing.allocation.run import allocate_range
from finops.costing.allocation.said import pools_of
from finops.queries import Range, priced_by_gpus, unpriced
from finops.queries.gpu_costs import gpu_costs
from tests.costing.allocation.running import lease, now
from tests.costing.allocation.world import TEN, add_calls, add_pool, add_samples, every, on_demand

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def workspace() -> Workspace:
    return create_workspace("acme", "Acme")


def set_the_scene(ch: Warehouse, workspace: Workspace) -> None:
    add_pool(workspace, "h100", on_demand("2.50"), gpus=4, hosts=["h100-*"], serves=["llama*"])
    bought = {
        "kind": "owned", "purchase_usd": Decimal(8760), "months": 12, "pue": Decimal("1.5"),
        "hosting_usd_per_gpu_hour": Decimal("0.10"), "usd_per_kwh": Decimal("0.20"),
        "gco2e_per_kwh": Decimal(400),
    }  # fmt: skip
    add_pool(workspace, "mig", bought, gpus=1, serves=["guard"], overhead_percent=Decimal(10))
    mig = {"host": "a100-1", "gpu_uuid": "GPU-m", "pool": "mig", "gpu_model": "NVIDIA A100"}
    add_samples(
        ch,
        workspace.pk,
        every(60, TEN - timedelta(minutes=1), TEN + HOUR),
        {"host": "h100-1", "gpu_uuid": "GPU-a", "engine_active": 0.75},
        {"host": "h100-1", "gpu_uuid": "GPU-b", "engine_active": 0.25},
        {**mig, "gpu_instance": "1", "gpu_profile": "3g.40gb", "engine_active": 1.0},
        {**mig, "gpu_instance": "2", "gpu_profile": "2g.20gb", "engine_active": 0.5},
        {**mig, "power_w": 300.0},
    )
    in_hour = TEN + timedelta(minutes=20)
    add_calls(
        ch,
        workspace.pk,
        {"started_at": in_hour, "output_tokens": 400},
        {"started_at": in_hour, "tenant": "globex", "input_tokens": 500, "output_tokens": 200},
        {"started_at": in_hour, "tenant": "initech", "model": "guard", "input_tokens": 300},
        {
            "started_at": TEN - timedelta(seconds=10), "duration_ms": 20_000.0,
            "model": "guard", "input_tokens": 400,
        },
        # An answer from the client's own cache, a repeated row and another provider's call with a
        # price of its own used none of these GPUs.
        {"started_at": in_hour, "tenant": "globex", "hit": 1, "cost_usd": Decimal(0)},
        {"started_at": in_hour, "tenant": "globex", "counted": 0, "cost_usd": Decimal(0)},
        {
            "started_at": in_hour, "provider": "groq", "model": "llama-3.3-70b",
            "cost_usd": Decimal(1), "unpriced_reason": "",
        },
    )  # fmt: skip


def rows_of(ch: Warehouse, workspace: Workspace) -> dict[tuple[str, str, str], dict[str, Any]]:
    rows = ch.query(
        "SELECT * FROM gpu_allocations FINAL WHERE workspace_id = {id:UInt64}", {"id": workspace.pk}
    )
    return {(row["pool"], row["kind"], row["tenant"]): row for row in rows}


def test_complaints_23_and_24_a_gpu_hour_worked_out_by_hand(
    ch: Warehouse, workspace: Workspace
) -> None:
    set_the_scene(ch, workspace)
    with lease() as held:
        done = allocate_range(ch, held, now, workspace, TEN, TEN + HOUR)
    rows = rows_of(ch, workspace)
    assert {key: row["cost_usd"] for key, row in rows.items()} == {
        ("h100", "busy", "acme"): Decimal("1.666666666667"),
        ("h100", "busy", "globex"): Decimal("0.833333333333"),
        ("h100", "idle", ""): Decimal("2.5"),
        ("h100", "unobserved", ""): Decimal("5"),
        ("mig", "busy", "acme"): Decimal("0.272"),
        ("mig", "busy", "initech"): Decimal("0.408"),
        ("mig", "idle", ""): Decimal("0.51"),
        ("mig", "overhead", ""): Decimal("0.119"),
    }
    assert (done.hours, done.rows, done.differences) == (1, 8, 0)
    assert (rows["h100", "busy", "acme"]["tokens"], rows["mig", "busy", "acme"]["calls"]) == (
        1400,
        0,
    )

    bills = {row["pool"]: row for row in ch.query("SELECT * FROM gpu_bills FINAL ORDER BY pool")}
    assert bills["h100"]["bill_usd"] == 10
    assert (bills["h100"]["gpus"], bills["h100"]["gpus_seen"]) == (4, 2)
    assert bills["mig"]["bill_usd"] == Decimal("1.309")
    parts = ("amortisation_usd", "hosting_usd", "power_usd", "overhead_usd")
    assert [bills["mig"][part] for part in parts] == [
        1, Decimal("0.1"), Decimal("0.09"), Decimal("0.119")
    ]  # fmt: skip
    assert bills["mig"]["energy_j"] == 300 * 3600
    assert bills["mig"]["co2e_g"] == pytest.approx(0.3 * 1.5 * 400)
    energy = sum(row["energy_j"] for key, row in rows.items() if key[0] == "mig")
    assert energy == 300 * 3600
    assert differences(ch, TEN, TEN + HOUR) == []


def test_complaint_24_a_self_hosted_call_gets_its_cost_from_the_gpus_and_isnt_unpriced(
    ch: Warehouse, workspace: Workspace
) -> None:
    set_the_scene(ch, workspace)
    add_calls(ch, workspace.pk, {"started_at": TEN, "model": "nobodys-model", "provider": "openai"})
    day = Range(TEN - HOUR, TEN + 10 * HOUR)
    before = {one.model: one.calls for one in unpriced(ch, workspace.pk, day)}
    assert before == {"llama": 2, "guard": 2, "nobodys-model": 1}
    with lease() as held:
        allocate_range(ch, held, now, workspace, TEN - HOUR, TEN + HOUR)
    assert [one.model for one in unpriced(ch, workspace.pk, day)] == ["nobodys-model"]
    assert priced_by_gpus(ch, workspace.pk, day) == 4
    assert priced_by_gpus(ch, workspace.pk + 1, day) == 0
    (llama,) = (
        row for row in gpu_costs(ch, workspace.pk, day, ["model"]) if row.group["model"] == "llama"
    )
    assert llama.cost_usd == Decimal("2.5")
    # A hit in the client's own cache cost nothing, and used none of the GPUs.
    assert llama.calls == 2
    # And each call its own: 2,000 and 1,000 of 3,000.
    calls = calls_of_hour(ch, workspace.pk, pools_of(workspace), "h100", TEN)
    assert [(call.group.tenant, call.weight, call.cost_usd) for call in calls] == [
        ("acme", 2_000_000, Decimal("1.666666666667")),
        ("globex", 1_000_000, Decimal("0.833333333333")),
    ]
    (guard, *_) = calls_of_hour(ch, workspace.pk, pools_of(workspace), "mig", TEN)
    assert (guard.started_at < TEN, guard.cost_usd) == (True, Decimal("0.272"))
    assert calls_of_hour(ch, workspace.pk, pools_of(workspace), "mig", TEN + HOUR) == []

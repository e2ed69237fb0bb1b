"""Questions about GPU pools: what they cost, what was idle, what a million tokens came to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from finops.clickhouse.client import Warehouse
from finops.queries.errors import UnknownDimension
from finops.queries.gpu_costs import gpu_cost_over_time, gpu_costs, gpu_pool_costs
from finops.queries.gpu_hosts import gpu_hosts
from finops.queries.gpu_pool_cost import all_pools
from finops.queries.range import Range

TEN = datetime(2026, 11, 20, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
MS = 3_600_000
WORKSPACE = 7
SPAN = Range(TEN + timedelta(minutes=5), TEN + 2 * HOUR)


def add_hour(
    ch: Warehouse, hour: datetime, pool: str, rows: list[dict[str, Any]], **bill: Any
) -> None:
    """A bill and its rows; rows name their kind, cost and whatever else they have."""
    same = {
        "workspace_id": bill.pop("workspace_id", WORKSPACE),
        "hour": hour,
        "pool": pool,
        "version": 1,
    }
    empty: dict[str, Any] = {
        "tenant": "",
        "model": "",
        "calls": 0,
        "tokens": 0,
        "gpu_ms": 0,
        "energy_j": 0.0,
    }
    full = [{**same, **empty, **row} for row in rows]
    ch.insert("gpu_allocations", {name: [row[name] for row in full] for name in full[0]})
    total = sum(row["cost_usd"] for row in full)
    whole = {**same, "bill_usd": total, **bill}
    ch.insert("gpu_bills", {name: [value] for name, value in whole.items()})


@pytest.fixture
def filled(ch: Warehouse) -> Warehouse:
    busy = {"kind": "busy", "tenant": "acme", "model": "llama", "cost_usd": Decimal(3),
            "calls": 5, "tokens": 1_500_000, "gpu_ms": MS, "energy_j": 720_000.0}  # fmt: skip
    idle = {"kind": "idle", "cost_usd": Decimal(6), "gpu_ms": 2 * MS}
    silent = {"kind": "unobserved", "cost_usd": Decimal(3), "gpu_ms": MS}
    times = {"gpu_ms": 4 * MS, "busy_ms": MS, "idle_ms": 2 * MS, "unobserved_ms": MS}
    energy = {"energy_j": 1_440_000.0, "site_energy_j": 1_800_000.0, "co2e_g": 200.0}
    add_hour(ch, TEN, "h100", [busy, idle, silent], **times, **energy)
    add_hour(ch, TEN + HOUR, "l4", [{**busy, "tenant": "globex", "cost_usd": Decimal(1)}],
             gpu_ms=MS, busy_ms=MS)  # fmt: skip
    add_hour(ch, TEN + 2 * HOUR, "h100", [busy], gpu_ms=MS, busy_ms=MS)  # after the range
    add_hour(ch, TEN, "other", [{**busy, "tenant": "secret"}], workspace_id=8, gpu_ms=MS)
    return ch


def test_grams_are_unknown_where_an_hour_of_the_pool_has_no_grid_factor(ch: Warehouse) -> None:
    energy = {"energy_j": 3.6e6, "site_energy_j": 3.6e6}
    add_hour(ch, TEN, "p", [{"kind": "idle", "cost_usd": Decimal(1)}], co2e_g=400.0, **energy)
    add_hour(ch, TEN + HOUR, "p", [{"kind": "idle", "cost_usd": Decimal(1)}], **energy)
    (both,) = gpu_pool_costs(ch, WORKSPACE, SPAN)
    (first,) = gpu_pool_costs(ch, WORKSPACE, Range(TEN, TEN + HOUR))
    assert (both.kwh, both.co2e_g, first.co2e_g) == (2, None, 400)


def test_a_pool_costs_its_bill_and_a_token_more_than_at_full_utilisation(filled: Warehouse) -> None:
    h100, l4 = gpu_pool_costs(filled, WORKSPACE, SPAN)
    assert (h100.pool, h100.bill_usd, h100.adds_up) == ("h100", Decimal(12), True)
    assert h100.usd_by_kind == {"busy": 3, "idle": 6, "unobserved": 3, "overhead": 0}
    assert (h100.utilisation, h100.idle_share) == (Decimal("0.25"), Decimal("0.5"))
    # $12 for 1.5M tokens; had the GPUs been busy all the time, a quarter of it.
    assert h100.usd_per_million == 8
    assert h100.usd_per_million_full == 2
    # Ignoring utilisation understates by exactly 1/U.
    assert Decimal(2) / Decimal("0.25") == h100.usd_per_million
    assert (h100.kwh, h100.site_kwh) == (0.4, 0.5)
    assert h100.kwh_per_million == pytest.approx(0.5 / 1.5)
    assert h100.co2e_g_per_million == pytest.approx(200 / 1.5)
    assert (l4.usd_per_million_full, l4.co2e_g) == (l4.usd_per_million, None)
    both = all_pools([h100, l4])
    assert (both.bill_usd, both.tokens, both.co2e_g) == (Decimal(13), 3_000_000, 200.0)
    assert all_pools([]).utilisation is None

    rows = gpu_costs(filled, WORKSPACE, SPAN, ["kind", "tenant"])
    assert [(row.group["kind"], row.group["tenant"], int(row.cost_usd)) for row in rows] == [
        ("idle", "", 6),
        ("busy", "acme", 3),
        ("unobserved", "", 3),
        ("busy", "globex", 1),
    ]
    (row,) = gpu_costs(filled, WORKSPACE, SPAN, ["model"], pool="l4")
    assert (row.group, row.calls, row.usd_per_million) == ({"model": "llama"}, 5, Decimal(2) / 3)
    with pytest.raises(UnknownDimension):
        gpu_costs(filled, WORKSPACE, SPAN, ["cost_usd"])

    over_time = gpu_cost_over_time(filled, WORKSPACE, SPAN, zone=ZoneInfo("Europe/Berlin"))
    assert over_time.bucket.name == "hour"
    assert over_time.starts == [TEN, TEN + HOUR]
    assert over_time.costs_usd == {"busy": [3, 1], "idle": [6, 0], "unobserved": [3, 0]}
    days = Range(TEN - timedelta(days=20), TEN + 2 * HOUR)
    one = gpu_cost_over_time(filled, WORKSPACE, days, zone=ZoneInfo("Asia/Tokyo"), pool="h100")
    assert one.costs_usd["busy"][-1] == 3


def test_hosts_are_listed_with_their_gpus_the_silent_ones_first(ch: Warehouse) -> None:
    rows = [
        ("n-1", "A", "H100", "", TEN), ("n-1", "A", "", "h", TEN + HOUR),
        ("n-1", "B", "H100", "h", TEN + HOUR), ("n-2", "C", "L4", "", TEN),
    ]  # fmt: skip
    names = ("host", "gpu_uuid", "gpu_model", "pool", "ts")
    columns = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    ch.insert("gpu_samples", {"workspace_id": [WORKSPACE] * 4, **columns})
    found = gpu_hosts(ch, WORKSPACE, TEN)
    assert [(one.host, one.gpu_model, one.label, one.gpus) for one in found] == [
        ("n-2", "L4", "", 1), ("n-1", "H100", "h", 2)
    ]  # fmt: skip
    assert (found[1].first_at, found[1].last_at) == (TEN, TEN + HOUR)
    assert gpu_hosts(ch, WORKSPACE + 1, TEN) == []

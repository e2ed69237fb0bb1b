"""The page of GPUs: what they cost, what was idle, what is missing; and the pages of pools."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import plotly.graph_objects as go
import pytest
from django.test import Client

from dashboards.gpu_chart import gpu_chart
from dashboards.money import Money
from finops.accounts.models import Membership, Role, Workspace
from finops.clickhouse.client import Warehouse
from finops.pricing.models import GpuPool
from finops.queries.buckets import BUCKETS
from finops.queries.gpu_costs import GpuCostOverTime
from tests.costing.allocation.world import add_pool, add_samples, on_demand
from tests.dashboards.test_overview import text_of
from tests.queries.rows import Charge, ledger_of
from tests.queries.test_gpu_costs import MS, add_hour

HOUR = timedelta(hours=1)
NOW = datetime.now(UTC)
THIS = NOW.replace(minute=0, second=0, microsecond=0)


def show(page: Client, path: str = "/gpus") -> str:
    response = page.get(path)
    assert response.status_code == 200
    return text_of(response.content.decode())


@pytest.fixture
def analyst(page: Client, acme: Workspace) -> Client:
    Membership.objects.filter(workspace=acme).update(role=Role.ANALYST)
    return page


def test_what_is_missing_is_said_step_by_step(
    page: Client, configured_ch: Warehouse, acme: Workspace
) -> None:
    assert "python -m inferledger.gpu --pool h100" in show(page)

    other = Workspace.objects.create(slug="globex", name="Globex")
    gpu = {"host": "node-7", "pool": "h100", "engine_active": 0.5}
    add_samples(configured_ch, other.pk, [NOW], {**gpu, "host": "globex-1"})
    add_samples(configured_ch, acme.pk, [NOW - HOUR], gpu)
    text = show(page)
    assert "1 host reports, and no pool says what it costs" in text
    assert "node-7 1 × NVIDIA H100 h100 seen, in no pool" in text
    assert "globex-1" not in text

    add_pool(acme, "h100", {})
    text = show(page)
    assert "No GPU hour is billed yet" in text
    assert "h100 h100 seen, without a price" in text

    acme.gpu_pools.get().prices.create(valid_from=NOW - 9 * HOUR, why="x", **on_demand("2"))
    assert "h100 h100 silent: billed as unobserved" in show(page)


def test_the_page_says_what_was_idle_and_what_a_token_came_to(
    page: Client, configured_ch: Warehouse, acme: Workspace
) -> None:
    add_pool(acme, "h100", on_demand("4"))
    add_pool(acme, "l4", on_demand("1"))
    busy = {"kind": "busy", "tenant": "search", "model": "llama", "cost_usd": Decimal(3),
            "calls": 5, "tokens": 1_500_000, "gpu_ms": MS}  # fmt: skip
    idle = {"kind": "idle", "cost_usd": Decimal(6), "gpu_ms": 2 * MS}
    silent = {"kind": "unobserved", "cost_usd": Decimal(3), "gpu_ms": MS}
    times = {"gpu_ms": 4 * MS, "busy_ms": MS, "idle_ms": 2 * MS, "unobserved_ms": MS}
    energy = {"energy_j": 3.6e6, "site_energy_j": 4.5e6, "co2e_g": 500.0}
    add_hour(configured_ch, THIS - 2 * HOUR, "h100", [busy, idle, silent],
             workspace_id=acme.pk, **times, **energy)  # fmt: skip
    nameless = {"kind": "busy", "cost_usd": Decimal(1), "gpu_ms": MS}
    add_hour(configured_ch, THIS - 2 * HOUR, "l4", [nameless], workspace_id=acme.pk,
             gpu_ms=MS, busy_ms=MS, unpriced_ms=MS * 2, gpus_seen=4, gpus=1)  # fmt: skip
    text = show(page)
    assert "$13.00 ($13) 5.0 GPU-hours at $2.60 each" in text
    assert "Idle ? " in text
    assert "40 % $6.00 idle, $3.00 unobserved" in text
    assert "search llama $3.00" in text
    assert "at work, no call known $1.00" in text
    assert "2 GPU-hours of these pools have no price" in text
    assert "In l4 more GPUs report than are paid for" in text

    only = show(page, "/gpus?pool=h100&range=7d")
    assert "$12.00 ($12) 4.0 GPU-hours at $3.00 each" in only
    # $12 for 1.5M tokens; a quarter of it, had the GPUs been busy all the time.
    assert "$8.00 ($8) $2.00 at full utilisation" in only
    assert "0.833 kWh (1.250000 kWh) 1.25 kWh in all, 0.500 kg CO2e" in only
    assert "no call known" not in only
    html = page.get("/gpus").content.decode()
    assert "manage.py allocate" not in html

    configured_ch.command("ALTER TABLE gpu_bills UPDATE bill_usd = 99 WHERE pool = 'l4'"
                          " SETTINGS mutations_sync = 1")  # fmt: skip
    assert "differ from their bill" in show(page)


def test_a_ledger_that_is_away_takes_its_own_part_alone(page: Client) -> None:
    assert "The ledger can't be read at the moment" in show(page)


def test_the_chart_is_a_figure_with_the_same_colour_for_each_kind() -> None:
    bucket = next(one for one in BUCKETS if one.name == "hour")
    starts = [THIS - HOUR, THIS]
    costs = {"busy": [Decimal(1), Decimal(2)], "unobserved": [Decimal(0), Decimal("0.5")]}
    zone: Any = UTC
    chart = gpu_chart(
        GpuCostOverTime(bucket, starts, costs), pool="", now=NOW, zone=zone, money=Money()
    )
    go.Figure({**chart.figure, "data": [{**t, "meta": None} for t in chart.figure["data"]]})
    assert [trace["meta"]["colour"] for trace in chart.figure["data"]] == [3, 0]
    assert [key.total.short for key in chart.keys] == ["$3.00", "$0.500"]
    assert [bar.total.short for bar in chart.bars] == ["$2.50", "$1.00"]


NEW = {
    "workspace": "acme", "name": "h100", "serves": "llama*, qwen*", "sharing": "proportional",
    "overhead_percent": "5", "gpus-gpus": "8", "gpus-hosts": "node-*",
    "gpus-valid_from": "2026-01-01T00:00", "price-kind": "on_demand", "price-pue": "1",
    "price-usd_per_gpu_hour": "2.49", "why": "PO 17",
}  # fmt: skip


def test_a_pool_is_set_up_grown_repriced_and_deleted_by_forms(
    analyst: Client, acme: Workspace
) -> None:
    assert "No pool is set up" in show(analyst, "/gpus/pools")
    html = analyst.get("/gpus/pools/new?label=h100&hosts=n").content.decode()
    assert 'name="name" value="h100"' in html
    missing = analyst.post("/gpus/pools/new", {**NEW, "price-usd_per_gpu_hour": ""})
    assert "A price of the kind on_demand needs this." in missing.content.decode()
    assert not GpuPool.objects.exists()
    assert analyst.post("/gpus/pools/new", NEW).status_code == 302
    pool = GpuPool.objects.get()
    assert pool.serves == ["llama*", "qwen*"]
    assert pool.memberships.get().valid_from == datetime(2026, 1, 1, tzinfo=UTC)

    url = f"/gpus/pools/{pool.pk}"
    grown = {"workspace": "acme", "gpus-gpus": "", "gpus-valid_from": "2026-06-01T00:00",
             "gpus-why": "autoscaled"}  # fmt: skip
    assert analyst.post(f"{url}/gpus", grown).status_code == 302
    price = {"workspace": "acme", "price-kind": "owned", "price-valid_from": "2026-06-01T00:00",
             "price-purchase_usd": "1000", "price-pue": "1.2", "price-why": "bought"}  # fmt: skip
    assert "needs this" in analyst.post(f"{url}/price", price).content.decode()
    assert analyst.post(f"{url}/price", {**price, "price-months": "36"}).status_code == 302
    text = show(analyst, "/gpus/pools")
    assert "8 host node-* 2026-01-01 00:00 2026-06-01 00:00 PO 17" in text
    assert "Owned, $1,000.00 over 36 months; PUE 1.2 all others 2026-06-01 00:00 – bought" in text

    change = {"workspace": "acme", "name": "h100", "sharing": "uniform", "overhead_percent": "x"}
    assert "Enter a number." in analyst.post(url, change).content.decode()
    analyst.post(url, {**change, "overhead_percent": "0", "why": "agreed", "tenants": "a, b"})
    pool.refresh_from_db()
    assert (pool.sharing, pool.tenants) == ("uniform", ["a", "b"])
    owned = pool.prices.get(kind="owned")
    end = {"workspace": "acme", "valid_to": "2026-12-01T00:00"}
    analyst.post(f"{url}/prices/{owned.pk}/end", end)
    owned.refresh_from_db()
    assert owned.valid_to == datetime(2026, 12, 1, tzinfo=UTC)
    assert analyst.post(f"{url}/delete", {"workspace": "acme"}).status_code == 403
    Membership.objects.update(role=Role.ADMIN)
    assert "Delete this pool?" in show(analyst, f"{url}/delete")
    analyst.post(f"{url}/delete", {"workspace": "acme"})
    assert not GpuPool.objects.exists()


def test_a_viewer_reads_pools_and_sets_none(page: Client, acme: Workspace) -> None:
    pool = add_pool(acme, "h100", on_demand("2"), gpus=3)
    text = show(page, "/gpus/pools")
    assert "On demand, $2.00 per GPU-hour" in text
    assert f"/gpus/pools/{pool.pk}" not in page.get("/gpus/pools").content.decode()
    for path in ("new", f"{pool.pk}", f"{pool.pk}/delete"):
        assert page.get(f"/gpus/pools/{path}").status_code == 403


def test_the_overview_sends_calls_on_own_gpus_to_their_page_and_not_to_the_unpriced(
    page: Client, configured_ch: Warehouse, acme: Workspace
) -> None:
    own = Charge(THIS - HOUR, None, provider="vllm", model="llama", unpriced_reason="no_rate",
                 workspace_id=acme.pk)  # fmt: skip
    ledger_of(configured_ch, own, replace(own, model="nobodys"))
    row = {"kind": "busy", "tenant": "acme", "provider": "vllm", "model": "llama", "calls": 1,
           "cost_usd": Decimal(2), "gpu_ms": MS}  # fmt: skip
    add_hour(configured_ch, THIS - HOUR, "p", [row], workspace_id=acme.pk, gpu_ms=MS, busy_ms=MS)
    text = show(page, "/?range=24h")
    assert "1 call without a price" in text
    assert "nobodys openai" not in text
    assert "1 call ran on your own GPUs: its cost is a part of the GPUs' bill" in text
    assert "is $2.00 ($2) and makes $2.00 ($2) in all, as in statements" in text
    assert "2 calls, 1 on own GPUs, 1 without a price $2.00 with own GPUs" in text
    assert "unpriced" in text
    assert "in all, as in" not in show(page, "/?range=24h&model=llama")

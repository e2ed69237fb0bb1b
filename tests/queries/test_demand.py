from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from finops.clickhouse.client import Warehouse
from finops.queries import Filters, InvalidRange, Range
from finops.queries.demand import busy_minutes, gpu_throughput, pool_demand, pools, spend_demand
from tests.queries.rows import WORKSPACE, Charge, at, ledger_of

DAY = Range(at("08:00:30.5"), at("13:30:00.25"))
GPU_HOUR_MS = 3_600_000


def bill(ch: Warehouse, *rows: tuple[str, str, int, int, int, int, int]) -> None:
    """Rows of pool, hour, GPU-ms billed, at work, unobserved, USD, workspace."""
    pool, hour, gpu_ms, busy_ms, unobserved_ms, usd, workspace = zip(*rows, strict=True)
    ch.insert(
        "gpu_bills",
        {
            "workspace_id": workspace,
            "hour": [at(text).replace(tzinfo=None) for text in hour],
            "pool": pool,
            "gpu_ms": gpu_ms,
            "busy_ms": busy_ms,
            "unobserved_ms": unobserved_ms,
            "bill_usd": [Decimal(each) for each in usd],
            "version": [1] * len(rows),
        },
    )


def test_spend_by_hour_has_zeros_between_calls_and_none_before_the_first(ch: Warehouse) -> None:
    ledger_of(
        ch,
        Charge(at("10:10"), Decimal("1.5")),
        Charge(at("10:50"), Decimal("0.5"), tenant="other"),
        Charge(at("12:00"), Decimal(3)),
        Charge(at("12:00"), Decimal(7), workspace_id=WORKSPACE + 1),
    )
    found = spend_demand(ch, WORKSPACE, DAY)
    assert [int(spent) for spent in found.hours] == [2, 0, 3]  # 13:00 has not passed
    assert (found.first, found.last) == (at("10:00"), at("13:00"))
    assert spend_demand(ch, WORKSPACE, DAY, Filters({"tenant": ("other",)})).hours[0] == Decimal(
        "0.5"
    )
    assert spend_demand(ch, 99, DAY).hours == ()
    with pytest.raises(InvalidRange):
        spend_demand(ch, WORKSPACE, Range(at("10:10"), at("10:20")))
    minutes = busy_minutes(ch, WORKSPACE, DAY)
    assert minutes == [at("10:10"), at("10:50"), at("12:00")]


def test_a_pool_needs_the_gpus_at_work_and_unobserved_hours_are_left_out(ch: Warehouse) -> None:
    two = 2 * GPU_HOUR_MS
    bill(
        ch,
        ("llama", "10:00", two, GPU_HOUR_MS // 2, 0, 8, WORKSPACE),
        ("llama", "11:00", two, two, 0, 8, WORKSPACE),
        ("llama", "12:00", two, 0, two, 8, WORKSPACE),
        ("small", "10:00", GPU_HOUR_MS, 0, 0, 1, WORKSPACE),
        ("theirs", "10:00", GPU_HOUR_MS, 0, 0, 1, WORKSPACE + 1),
    )
    assert pools(ch, WORKSPACE, DAY) == ["llama", "small"]
    found = pool_demand(ch, WORKSPACE, DAY, "llama")
    assert found.hours == (Decimal("0.5"), Decimal(2))
    assert (found.unknown_hours, found.paid_usd, found.billed_unit_hours) == (
        1,
        Decimal(16),
        Decimal(4),
    )
    assert found.last == at("11:00") + timedelta(hours=1)
    assert pool_demand(ch, WORKSPACE, DAY, "theirs").hours == ()


def test_throughput_is_that_of_gpu_time_which_calls_used(ch: Warehouse) -> None:
    assert gpu_throughput(ch, WORKSPACE, DAY) is None
    ch.insert(
        "gpu_allocations",
        {
            "workspace_id": [WORKSPACE] * 3,
            "hour": [at("10:00").replace(tzinfo=None)] * 3,
            "pool": ["llama"] * 3,
            "kind": ["busy", "busy", "idle"],
            "tenant": ["acme", "", ""],
            "calls": [4, 0, 0],
            "output_tokens": [50_000, 0, 0],
            "gpu_ms": [100_000, 70_000, 500_000],
            "version": [1] * 3,
        },
    )
    assert gpu_throughput(ch, WORKSPACE, DAY) == (Decimal(500), 4)
    assert gpu_throughput(ch, WORKSPACE, DAY, "other") is None

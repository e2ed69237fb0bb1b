"""Write hours as newer versions of their rows; what an hour no longer has is marked as deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from finops.clickhouse.client import Warehouse
from finops.costing.allocation.hourly import PoolHour
from finops.costing.allocation.split import Group
from finops.costing.allocation.worklist import DueHour

GROUP = tuple(field.name for field in fields(Group))
KEY = ("hour", "pool", "kind", *GROUP)
OF_BILL = ("rent_usd", "amortisation_usd", "hosting_usd", "power_usd", "overhead_usd")
ZERO = "toDecimal128(0, 12)"

# What is there and wasn't written by this run is gone.
FORGET_ROWS = f"""
INSERT INTO gpu_allocations (workspace_id, {", ".join(KEY)}, is_deleted, version)
SELECT workspace_id, {", ".join(KEY)}, 1, {{version:UInt64}}
FROM gpu_allocations FINAL
WHERE workspace_id = {{workspace_id:UInt64}} AND hour IN {{hours:Array(DateTime('UTC'))}}
    AND version < {{version:UInt64}}
"""
FORGET_BILLS = """
INSERT INTO gpu_bills (workspace_id, hour, pool, is_deleted, version)
SELECT workspace_id, hour, pool, 1, {version:UInt64}
FROM gpu_bills FINAL
WHERE workspace_id = {workspace_id:UInt64} AND hour IN {hours:Array(DateTime('UTC'))}
    AND version < {version:UInt64}
"""


def write_hours(
    ch: Warehouse,
    workspace_id: int,
    due: Sequence[DueHour],
    done: Sequence[PoolHour],
    *,
    version: int,
    now: datetime,
) -> int:
    """Replace the rows of these hours; returns how many rows they have.

    Rows go first and bills last: an hour whose bill isn't written is done again.
    """
    names = {one.hour: one for one in due}
    rows = [row_of(one, row, names[one.hour]) for one in done for row in one.split.rows]
    params = {"workspace_id": workspace_id, "hours": sorted(names), "version": version}
    always = {"workspace_id": workspace_id, "version": version}
    put(ch, "gpu_allocations", [{**always, **row} for row in rows])
    ch.command(FORGET_ROWS, params)
    bills = [bill_of(one, names[one.hour], now) for one in done]
    put(ch, "gpu_bills", [{**always, **bill} for bill in bills])
    ch.command(FORGET_BILLS, params)
    return len(rows)


def put(ch: Warehouse, table: str, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        ch.insert(table, {name: [row[name] for row in rows] for name in rows[0]})


def row_of(one: PoolHour, row: Any, due: DueHour) -> dict[str, Any]:
    return {
        "hour": one.hour,
        "pool": one.pool,
        "kind": row.kind,
        **{name: getattr(row.group, name) for name in GROUP},
        "calls": row.calls,
        "tokens": row.tokens,
        "output_tokens": row.output_tokens,
        "gpu_ms": row.gpu_ms,
        "weight": row.weight,
        "basis": one.split.basis if row.kind == "busy" else "",
        "cost_usd": row.cost_usd,
        "energy_j": float(row.energy_j),
        "price_version": due.price_version,
    }


def bill_of(one: PoolHour, due: DueHour, now: datetime) -> dict[str, Any]:
    bill, split = one.bill, one.split
    return {
        "hour": one.hour,
        "pool": one.pool,
        "gpus": bill.gpus,
        "gpus_seen": one.seen.gpus,
        "gpu_ms": bill.gpu_ms,
        "busy_ms": split.busy_ms,
        "idle_ms": split.idle_ms,
        "unobserved_ms": split.unobserved_ms,
        "unpriced_ms": bill.unpriced_ms,
        **{name: getattr(bill, name) for name in OF_BILL},
        "bill_usd": bill.total_usd,
        "energy_j": float(one.seen.energy_j),
        "site_energy_j": bill.site_energy_j,
        "co2e_g": bill.co2e_g,
        "basis": split.basis,
        "inputs": due.inputs,
        "price_version": due.price_version,
        "allocated_at": now,
    }

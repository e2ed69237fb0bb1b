"""Pools, samples and charged calls for tests of the allocation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from finops.accounts.models import Workspace
from finops.clickhouse.client import Warehouse
from finops.pricing.gpu_price import GpuPrice
from finops.pricing.pools import GpuMembership, GpuPool

TEN = datetime(2026, 11, 20, 10, tzinfo=UTC)
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
_numbers = count(1)


def add_pool(workspace: Workspace, name: str, price: dict[str, Any], **options: Any) -> GpuPool:
    """A pool since New Year: `gpus`, `labels`, `hosts`, `gpu_models` are its membership's."""
    member = {k: options.pop(k) for k in ("gpus", "labels", "hosts", "gpu_models") if k in options}
    since = options.pop("since", NEW_YEAR)
    pool = GpuPool.objects.create(workspace=workspace, name=name, why="test", **options)
    GpuMembership.objects.create(pool=pool, valid_from=since, why="test", **member)
    if price:
        GpuPrice.objects.create(pool=pool, **{"valid_from": since, "why": "test", **price})
    return pool


def on_demand(usd: str) -> dict[str, Any]:
    return {"kind": "on_demand", "usd_per_gpu_hour": Decimal(usd)}


def every(step_s: int, start: datetime, end: datetime) -> list[datetime]:
    """Moments from start to end, both of them part of it."""
    return [
        start + timedelta(seconds=s)
        for s in range(0, int((end - start).total_seconds()) + 1, step_s)
    ]


SAMPLE: dict[str, Any] = {
    "host": "node-1", "gpu_uuid": "GPU-a", "gpu_instance": "", "gpu_model": "NVIDIA H100",
    "gpu_profile": "", "pool": "", "engine_active": None, "power_w": None, "energy_j": None,
    "energy_delta_j": None, "window_s": None, "segment": "m-1", "received_at": TEN,
}  # fmt: skip


def add_samples(
    ch: Warehouse, workspace_id: int, moments: Sequence[datetime], *gpus: dict[str, Any]
) -> None:
    """Insert a sample of each GPU at each moment; a value may be a function of the moment."""
    rows = [
        {name: value(ts) if callable(value) else value for name, value in {**SAMPLE, **gpu}.items()}
        | {"ts": ts, "workspace_id": workspace_id}
        for gpu in gpus
        for ts in moments
    ]
    ch.insert("gpu_samples", {name: [row[name] for row in rows] for name in rows[0]})


CALL: dict[str, Any] = {
    "tenant": "acme", "team": "", "feature": "", "environment": "", "provider": "vllm",
    "model": "llama", "duration_ms": 1000.0, "input_tokens": 1000, "cache_read_tokens": None,
    "output_tokens": None, "counted": 1, "hit": 0, "cost_usd": None, "unpriced_reason": "no_rate",
    "version": 1,
}  # fmt: skip


def add_calls(ch: Warehouse, workspace_id: int, *calls: dict[str, Any]) -> None:
    """Insert charged calls; `tags` makes a row in calls as well, `before` one that it replaces."""
    rows = []
    for call in calls:
        number = next(_numbers)
        ids = {"trace_id": f"{number:016}", "span_id": f"{number:08}", "workspace_id": workspace_id}
        given = {"started_at": TEN, **call, **ids}
        told = [given.pop("before", None), given.pop("tags", None)]
        rows.append({**CALL, **given})
        for place, tags in enumerate(told):
            received = given["started_at"] + timedelta(seconds=place)
            row = {**ids, "tags": tags, "started_at": given["started_at"], "received_at": received}
            if tags:
                ch.insert("calls", {name: [value] for name, value in row.items()})
    ch.insert("charges", {name: [row[name] for row in rows] for name in rows[0]})

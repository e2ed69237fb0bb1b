"""What GPU pools cost, hour by hour, and whose it was: the rows of gpu_allocations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal

from finops.clickhouse.client import Warehouse
from finops.queries.range import Range

SETTINGS: dict[str, float] = {
    "do_not_merge_across_partitions_select_final": 1,
    "max_execution_time": 600,  # seconds
    "max_block_size": 8192,
}


@dataclass(frozen=True, slots=True)
class GpuPart:
    """A part of a pool's hour: busy, idle, unobserved or overhead."""

    hour: datetime
    pool: str
    kind: str
    tenant: str
    team: str
    feature: str
    environment: str
    model: str
    gpu_ms: int
    weight: int
    basis: str
    cost_usd: Decimal
    price_version: str


COLUMNS = ", ".join(field.name for field in fields(GpuPart))


def gpu_parts(ch: Warehouse, workspace_id: int, span: Range) -> Iterator[GpuPart]:
    """Yield the parts of every hour that starts in the range, those of one pool's hour together."""
    rows = ch.stream(
        f"SELECT {COLUMNS} FROM gpu_allocations FINAL "
        "WHERE workspace_id = {workspace_id:UInt64} "
        "AND hour >= {start:DateTime64(6, 'UTC')} AND hour < {end:DateTime64(6, 'UTC')} "
        "ORDER BY hour, pool, kind, tenant, model, provider, team, feature, environment",
        {"workspace_id": workspace_id, "start": span.start, "end": span.end},
        settings=SETTINGS,
    )
    for row in rows:
        yield GpuPart(**row)

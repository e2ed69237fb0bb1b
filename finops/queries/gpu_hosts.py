"""Which GPUs report, and since when one is silent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from finops.clickhouse.client import Warehouse
from finops.queries.ledger import SETTINGS


@dataclass(frozen=True, slots=True)
class GpuHost:
    """GPUs of one model and label on one host. `label` is what the sender calls their pool."""

    host: str
    gpu_model: str
    label: str
    gpus: int
    first_at: datetime
    last_at: datetime


def gpu_hosts(
    ch: Warehouse, workspace_id: int, since: datetime, *, limit: int = 500
) -> list[GpuHost]:
    """Return the hosts that reported since a moment, those that are silent longest first."""
    rows = ch.query(
        "SELECT host, gpu_model, label, count() AS gpus, min(first) AS first_at, "
        "max(last) AS last_at FROM (SELECT host, gpu_uuid, max(s.gpu_model) AS gpu_model, "
        "max(s.pool) AS label, min(ts) AS first, max(ts) AS last FROM gpu_samples AS s "
        "WHERE workspace_id = {workspace_id:UInt64} AND ts >= {since:DateTime('UTC')} "
        "GROUP BY host, gpu_uuid) "
        "GROUP BY host, gpu_model, label ORDER BY last_at, host, gpu_model, label "
        "LIMIT {limit:UInt32}",
        {"workspace_id": workspace_id, "since": since.replace(microsecond=0), "limit": limit},
        settings=SETTINGS,
    )
    return [GpuHost(**row) for row in rows]

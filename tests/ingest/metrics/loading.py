"""From a request's bytes to rows, through the real statements."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from finops.clickhouse.client import Warehouse
from ingest.batch import finish, next_batch
from ingest.metrics.admission import admit_metrics
from ingest.metrics.load import load_metrics
from ingest.record import Stamp, encode
from ingest.segments import SEALED, name_segment
from ingest.signal import Loaded
from tests.ingest.loading import NOW, RECEIVED_AT_MS, WORKSPACE


def write_segment(folder: Path, *bodies: bytes, workspace: int = WORKSPACE) -> str:
    """Seal a segment with these requests, as the receiver would; returns its name."""
    name = name_segment(RECEIVED_AT_MS * 10**6 + time.monotonic_ns() % 10**9)
    records = []
    for receipt, body in enumerate(bodies):
        admission = admit_metrics(body)
        stamp = Stamp(workspace, receipt, RECEIVED_AT_MS, admission.spans)
        records.append(encode(admission.body, stamp))
    (folder / (name + SEALED)).write_bytes(b"".join(records))
    return name


def load_all(ch: Warehouse, folder: Path) -> list[Loaded]:
    """Load every segment of the folder."""
    loaded = []
    while batch := next_batch(folder):
        loaded.append(load_metrics(ch, batch, str(folder), NOW))
        finish(batch)
    return loaded


def take(ch: Warehouse, folder: Path, *bodies: bytes) -> list[Loaded]:
    """Bring requests into ClickHouse."""
    write_segment(folder, *bodies)
    return load_all(ch, folder)


def gpus(ch: Warehouse, columns: str = "*") -> list[dict[str, Any]]:
    return ch.query(
        f"SELECT {columns} FROM gpu_samples FINAL ORDER BY ts, host, gpu_uuid, gpu_instance"
    )


def servings(ch: Warehouse, columns: str = "*") -> list[dict[str, Any]]:
    return ch.query(
        f"SELECT {columns} FROM serving_samples FINAL ORDER BY measure, name, part, ts, series"
    )

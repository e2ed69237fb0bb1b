"""From a request's bytes to rows, through the real statements."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from finops.clickhouse.client import Warehouse
from ingest.admission import admit
from ingest.batch import finish, next_batch
from ingest.load import load
from ingest.loader import Lend
from ingest.record import Stamp, encode
from ingest.segments import SEALED, name_segment
from ingest.signal import Loaded
from tests.ingest.payloads import START_NS

WORKSPACE = 42
RECEIVED_AT_MS = START_NS // 10**6 + 60_000
NOW = datetime.fromtimestamp(RECEIVED_AT_MS / 1000, UTC)


def write_segment(folder: Path, *bodies: bytes, name: str = "", clean: bool = True) -> str:
    """Seal a segment with these requests, as the receiver would; returns its name."""
    name = name or name_segment(RECEIVED_AT_MS * 10**6 + time.monotonic_ns() % 10**9)
    records = []
    for number, body in enumerate(bodies):
        admission = admit(body)
        stamp = Stamp(WORKSPACE, number, RECEIVED_AT_MS, admission.spans)
        records.append(encode(admission.body if clean else body, stamp))
    (folder / (name + SEALED)).write_bytes(b"".join(records))
    return name


def load_all(ch: Warehouse, folder: Path) -> list[Loaded]:
    """Load every segment of the folder."""
    loaded = []
    while batch := next_batch(folder):
        loaded.append(load(ch, batch, str(folder), NOW))
        finish(batch)
    return loaded


def take(ch: Warehouse, folder: Path, *bodies: bytes) -> None:
    """Bring requests into ClickHouse."""
    write_segment(folder, *bodies)
    load_all(ch, folder)


def calls(ch: Warehouse, columns: Sequence[str] = ("*",)) -> list[dict[str, Any]]:
    """Read all calls, ids in hex, in the order of their span ids."""
    chosen = ", ".join(columns)
    return ch.query(f"SELECT {chosen}, hex(span_id) AS span FROM calls FINAL ORDER BY span")


def count(ch: Warehouse, table: str) -> int:
    """How many rows a table really has, copies included."""
    return int(ch.query(f"SELECT count() AS n FROM {table}")[0]["n"])


def lend(ch: Warehouse) -> Lend:
    """A loader's way to this connection."""

    @contextmanager
    def lent() -> Iterator[Warehouse]:
        yield ch

    return lent

"""The GPU that the demo's own model runs on: its samples are made from the recorded traffic.

No public trace has the GPUs below its calls. So each call of guard-llama-8b keeps one GPU at work
for as long as it took, and the GPU is idle in between; power follows. The samples take the path of
any others: OTLP, spool, ClickHouse.
"""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from finops.accounts.models import Workspace
from finops.clickhouse.client import warehouse
from finops.clickhouse.errors import WarehouseError
from finops.costing.tasks import allocate
from finops.demo.draw import Request
from finops.pricing.pool_change import open_pool
from finops.queries.gpu_hosts import gpu_hosts
from finops.queries.range import floor_hour
from inferledger._gpu_encode import POOL, encoder
from inferledger._gpu_read import GpuSample

MODEL = "guard-llama-8b"
NAME = "guards"
HOST, UUID, GPU = "guard-1", "GPU-demo-0", "NVIDIA L4"
USD_PER_GPU_HOUR = Decimal("0.80")  # about what clouds ask for an L4
IDLE_W, BUSY_W = 17.0, 72.0
STEP_S = 30
BATCH = 100
LOADED_WITHIN_S = 20.0
WHY = "Demo: one L4 on demand; its samples are made from the recorded traffic"


def gpu_time(request: Request, ends_at: datetime) -> Iterator[tuple[int, float]]:
    """Yield how many seconds a request kept the GPU at work, by the step's number since 1970."""
    arrived = ends_at.timestamp() - request.before_end_s
    for attempt in request.attempts:
        if attempt.model.name == MODEL and attempt.tokens is not None:
            yield from steps_of(arrived + attempt.after_ms / 1000, attempt.duration_ms)


def steps_of(start: float, duration_ms: float) -> Iterator[tuple[int, float]]:
    """Split a span of time at the steps' edges."""
    end = start + duration_ms / 1000
    while start < end:
        step = int(start // STEP_S)
        edge = min(end, float((step + 1) * STEP_S))
        yield step, edge - start
        start = edge


def samples(busy: Mapping[int, float], ends_at: datetime) -> list[GpuSample]:
    """Return a sample at the end of each step, from the first busy one's hour until the end."""
    if not busy:
        return []
    first = floor_hour(datetime.fromtimestamp(min(busy) * STEP_S, ends_at.tzinfo))
    found = []
    for step in range(int(first.timestamp()) // STEP_S - 1, int(ends_at.timestamp()) // STEP_S):
        share = min(1.0, busy.get(step, 0.0) / STEP_S)
        found.append(
            GpuSample(
                ts_ns=(step + 1) * STEP_S * 10**9,
                uuid=UUID,
                index=0,
                name=GPU,
                busy=share,
                power_w=IDLE_W + (BUSY_W - IDLE_W) * share,
            )
        )
    return found


def show_gpus(
    workspace: Workspace, busy: Mapping[int, float], ends_at: datetime, endpoint: str, key: str
) -> None:
    """Send the samples of the GPU and say what it costs; nothing where the model isn't called."""
    found = samples(busy, ends_at)
    if not found:
        return
    encode = encoder({"host.name": HOST, POOL: NAME})
    for i in range(0, len(found), BATCH):
        send(endpoint, key, encode([found[i : i + BATCH]]))
    if not workspace.gpu_pools.filter(name=NAME).exists():
        begins = floor_hour(datetime.fromtimestamp(found[0].ts_ns / 1e9, ends_at.tzinfo))
        dated = {"valid_from": begins, "why": WHY}
        price = {"kind": "on_demand", "usd_per_gpu_hour": USD_PER_GPU_HOUR, **dated}
        about = {"name": NAME, "serves": [MODEL], "why": WHY}
        # As many as report: once the play is over, hours without it cost nothing.
        open_pool(workspace, about, {"gpus": None, **dated}, price, actor=None)


def send(endpoint: str, key: str, body: bytes) -> None:
    """Post one request of metrics; raises OSError where nothing takes it."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/x-protobuf"}
    request = urllib.request.Request(f"{endpoint}/v1/metrics", body, headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        return


def share_out_when_loaded(workspace: Workspace, ends_at: datetime) -> None:
    """Allocate once the samples are in; what comes later the worker finds by itself."""
    if not workspace.gpu_pools.exists():
        return
    until = time.monotonic() + LOADED_WITHIN_S
    while time.monotonic() < until:
        try:
            with warehouse() as ch:
                if gpu_hosts(ch, workspace.pk, ends_at - timedelta(minutes=2)):
                    break
        except WarehouseError as error:
            if not error.retryable:
                raise
        time.sleep(0.5)
    allocate()

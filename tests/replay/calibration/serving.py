"""A simulated server and its clients, as the platform would have captured them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from finops.clickhouse.client import Warehouse
from finops.engine.catalogue import load
from finops.engine.constants import Constants
from finops.engine.deployment import Deployment
from finops.engine.policy import Policy
from finops.engine.result import Floats, Result
from finops.engine.simulate import simulate
from finops.engine.step_time import SimulatedExecutor
from finops.engine.workload import Workload
from tests.costing.calls import insert_calls

START = datetime(2026, 11, 20, 10, tzinfo=UTC)
END = START + timedelta(minutes=10)
MODEL = "meta-llama/Llama-3.1-8B-Instruct"
CATALOGUE = load()
AT = Deployment(CATALOGUE.model(MODEL), CATALOGUE.gpu("h100"), backend="vllm")
# Slower than what the engine assumes, in every part.
TRUTH = Constants(
    memory=0.7, compute=0.45, kv=0.5, step_us=1_500, layer_us=60, row_us=60, request_us=20_000
)
BLOCKS = 4_000


@dataclass(frozen=True)
class Served:
    """What a simulated server did."""

    workload: Workload
    result: Result

    @property
    def arrival_s(self) -> Floats:
        return self.result.arrival_ps / 1e12


def serve(size: int = 240) -> Served:
    """Requests in waves, from almost none at a time to some dozens; lengths of all sorts."""
    rng = np.random.default_rng(3)
    rate = np.tile(np.repeat([1.0, 6.0, 14.0], 20), size // 60 + 1)[:size]
    arrivals = np.cumsum(rng.exponential(1e12 / rate)).astype(np.int64)
    prompts, outputs = rng.integers(50, 2_000, size), rng.integers(20, 250, size)
    workload = Workload.of_columns(arrivals, prompts, outputs)
    policy = Policy(BLOCKS, prefix_cache=False)
    return Served(workload, simulate(workload, policy, SimulatedExecutor(AT, TRUTH)))


def insert_served(ch: Warehouse, served: Served, *, every: int = 1) -> None:
    """The calls as clients see them, or each `every`-th of them."""
    run, front_ms = served.result, TRUTH.request_us / 1e3
    rows = [
        {
            "started_at": START + timedelta(microseconds=int(run.arrival_ps[at] // 10**6)),
            "provider": "vllm",
            "model_served": MODEL,
            "input_tokens": int(served.workload.prompt[at]),
            "output_tokens": int(served.workload.output[at]),
            "ttft_ms": float(run.first_ps[at] - run.arrival_ps[at]) / 1e9 + front_ms,
            "duration_ms": float(run.finish_ps[at] - run.arrival_ps[at]) / 1e9 + front_ms,
        }
        for at in range(0, len(served.workload), every)
    ]
    insert_calls(ch, rows)


def insert_samples(ch: Warehouse, served: Served, *, instance: str = "a:8000") -> None:
    """What the server says of itself each second: running, waiting, and its KV cache."""
    run = served.result
    begun, done = (column / 1e12 for column in (run.scheduled_ps, run.finish_ps))
    held = served.workload.prompt + served.workload.output / 2
    rows: list[tuple[datetime, str, float]] = []
    for second in range(int(done.max()) + 1):
        at = START + timedelta(seconds=second)
        running = (begun <= second) & (second < done)
        waiting = (served.arrival_s <= second) & (second < begun)
        usage = float((running * held).sum()) / (BLOCKS * 16)
        rows += [(at, "running", float(running.sum())), (at, "waiting", float(waiting.sum()))]
        rows.append((at, "kv_cache_usage", usage))
    texts = {"system": "vllm", "instance": instance, "model": MODEL}
    ch.insert(
        "serving_samples",
        {
            **{name: [value] * len(rows) for name, value in texts.items()},
            "workspace_id": [1] * len(rows),
            "ts": [row[0] for row in rows],
            "measure": [row[1] for row in rows],
            "name": [f"vllm:{row[1]}" for row in rows],
            "series": [zlib.crc32(f"{instance} {row[1]}".encode()) for row in rows],
            "temporality": [0] * len(rows),
            "value": [row[2] for row in rows],
            "received_at": [START] * len(rows),
        },
    )

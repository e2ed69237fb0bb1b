"""The cluster: how fast it simulates four replicas, and what a prefix-aware router hits."""

from __future__ import annotations

import time
from pathlib import Path

from finops.engine.catalogue import load
from finops.engine.cluster import (
    Cluster,
    Disaggregation,
    LeastLoaded,
    PrefixAware,
    ReplicaGroup,
    RoundRobin,
    simulate_cluster,
)
from finops.engine.deployment import Deployment
from finops.engine.policy import Policy
from finops.engine.step_time import SimulatedExecutor
from tests.bench.__main__ import Figure
from tests.bench.engine_traffic import azure_workload
from tests.engine.cluster.conversations import hit_share

PER_SECOND = 48.0  # about what four replicas can do


def speed(cluster: Cluster, size: int, fast: bool) -> float:
    """Requests simulated per CPU second, percentiles included."""
    workload = azure_workload(size, PER_SECOND)
    start = time.process_time()
    simulate_cluster(workload, cluster, fast=fast).summary()
    return size / (time.process_time() - start)


def measure(workdir: Path) -> list[Figure]:
    """The figures of `make bench`: Llama 3.1 8B, each replica one H100."""
    catalogue = load()
    at = Deployment(catalogue.model("llama-3.1-8b"), catalogue.gpu("h100"))
    policy, step_time = Policy(at.kv_blocks(), max_seqs=256), SimulatedExecutor(at)
    four = Cluster((ReplicaGroup(policy, step_time, 4),), LeastLoaded())
    prefill = ReplicaGroup(policy, step_time, 2, "prefill")
    decode = ReplicaGroup(policy, step_time, 2, "decode")
    # 131,072 bytes of keys and values a token (bf16), 50 GB/s.
    apart = Cluster((prefill, decode), disaggregation=Disaggregation.over(131_072, 50.0))
    unit = "requests/CPU-s"
    return [
        ("four replicas, least loaded, Azure lengths", speed(four, 40_000, True), unit, "≥ 20,000"),
        ("the same, step by step", speed(four, 3_000, False), unit, ""),
        ("two prefill and two decode", speed(apart, 10_000, True), unit, ""),
        ("hit rate, Mooncake, round robin", 100 * hit_share(RoundRobin()), "%", ""),
        ("hit rate, Mooncake, prefix-aware", 100 * hit_share(PrefixAware()), "%", ""),
    ]


if __name__ == "__main__":
    for name, value, unit, bar in measure(Path()):
        print(f"{name:48} {value:12,.1f} {unit:15} {bar}")

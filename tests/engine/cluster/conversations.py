"""Mooncake's conversations on a cluster: what its prefix caches hold of them."""

from __future__ import annotations

from functools import cache

from finops.engine.cluster import Cluster, ReplicaGroup, Router, simulate_cluster
from finops.engine.executor import LinearStepTime
from finops.engine.policy import Policy
from finops.engine.workload import Request, Workload
from tests.engine.mooncake import mooncake


@cache
def conversations() -> Workload:
    """The prompts of Mooncake's trace, ten a second, 20 tokens of answer each."""
    requests = [
        Request(index * 10**11, tokens, 20, hashes=hashes)
        for index, (tokens, hashes) in enumerate(mooncake())
    ]
    return Workload.of(requests)


def hit_share(router: Router) -> float:
    """Cached ÷ prompt tokens, on four replicas that hold 1,500 blocks of 512 tokens each."""
    policy = Policy(blocks=1_500, block_size=512)
    step_time = LinearStepTime(10**10, token_ps=10**7)  # 10 ms and 10 µs a token
    cluster = Cluster((ReplicaGroup(policy, step_time, 4),), router)
    result = simulate_cluster(conversations(), cluster)
    assert result.finished.all()
    return float(result.cached.sum() / conversations().prompt.sum())

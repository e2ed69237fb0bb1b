"""One replica behind a door is what it is without one, to the bit."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from finops.engine.cluster import Cluster, ReplicaGroup, Router, simulate_cluster
from finops.engine.executor import LinearStepTime
from finops.engine.policy import BatchPolicy, Policy
from finops.engine.simulate import simulate
from finops.engine.workload import Workload
from tests.engine.cluster.drawn import routers
from tests.engine.drawn import cases as single_cases
from tests.engine.drawn import difference


@given(single_cases(), routers(), st.booleans())
@settings(max_examples=250, deadline=None)
def test_one_replica_with_any_router_is_what_simulate_gives(
    case: tuple[Workload, Policy, LinearStepTime], router: Router, fast: bool
) -> None:
    workload, policy, step_time = case
    alone = simulate(workload, policy, step_time)
    cluster = Cluster((ReplicaGroup(policy, step_time),), router)
    found = simulate_cluster(workload, cluster, fast=fast)
    assert difference(alone, found) == []
    assert found.summary() == alone.summary()
    assert found.utilisation == alone.utilisation


@given(single_cases(), st.sampled_from((None, 0, 500)))
@settings(max_examples=100, deadline=None)
def test_one_replica_of_whole_batches_is_what_simulate_gives(
    case: tuple[Workload, Policy, LinearStepTime], wait: int | None
) -> None:
    workload, policy, step_time = case
    batch = BatchPolicy(
        policy.blocks, policy.block_size, 4, 120, wait, (16,), classes=policy.classes
    )
    alone = simulate(workload, batch, step_time)
    found = simulate_cluster(workload, Cluster((ReplicaGroup(batch, step_time),)))
    assert difference(alone, found) == []


@given(single_cases())
@settings(max_examples=100, deadline=None)
def test_one_rank_in_lockstep_is_what_simulate_gives(
    case: tuple[Workload, Policy, LinearStepTime],
) -> None:
    workload, policy, step_time = case
    alone = simulate(workload, policy, step_time)
    cluster = Cluster((ReplicaGroup(policy, step_time, lockstep=True),))
    assert difference(alone, simulate_cluster(workload, cluster)) == []

"""Small clusters drawn by hypothesis, with policies so tight that requests collide."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
from hypothesis import strategies as st

from finops.engine.cluster import (
    ByClass,
    Cluster,
    Disaggregation,
    Escalation,
    LeastLoaded,
    PrefixAware,
    ReplicaGroup,
    RoundRobin,
    Router,
    Scaling,
    Signal,
)
from finops.engine.policy import BatchPolicy, Policy, ServiceClass
from finops.engine.workload import Workload
from tests.engine.drawn import policies, step_times, workloads

ROUTERS: tuple[Router, ...] = (
    RoundRobin(),
    LeastLoaded(),
    LeastLoaded(by_tokens=True),
    LeastLoaded(waiting_weight=4),
    PrefixAware(),
    PrefixAware(most_apart=2, most_times=1.2, least_share=0.1),
)
Case = tuple[Workload, Cluster]


def routers() -> st.SearchStrategy[Router]:
    """All that route, with limits that small clusters reach."""
    return st.sampled_from(ROUTERS)


@st.composite
def like(draw: st.DrawFn, policy: Policy) -> Policy:
    """Another policy for the same classes and blocks of the same size."""
    other = draw(policies())
    return replace(other, classes=policy.classes, block_size=policy.block_size)


@st.composite
def scalings(draw: st.DrawFn, replicas: int) -> Scaling:
    """Scaling that acts within the few thousand picoseconds of a drawn workload."""
    signal = draw(st.sampled_from(list(Signal)))
    targets = {Signal.UTILISATION: 0.6, Signal.TTFT: 3e-10}
    return Scaling(
        signal,
        targets.get(signal, 1.5),
        minimum=draw(st.integers(0, replicas)),
        maximum=replicas + draw(st.integers(1, 2)),
        start_ps=draw(st.sampled_from((0, 150, 900))),
        every_ps=draw(st.sampled_from((70, 400))),
        window_ps=draw(st.sampled_from((100, 2_000))),
        cooldown_ps=draw(st.sampled_from((0, 500))),
    )


@st.composite
def groups(draw: st.DrawFn, policy: Policy, name: str) -> ReplicaGroup:
    """One to three replicas, sometimes in lockstep, sometimes scaled, rarely of whole batches."""
    replicas, kind = draw(st.integers(1, 3)), draw(st.integers(0, 7))
    batch = BatchPolicy(
        policy.blocks, policy.block_size, max_seqs=4, max_tokens=120, classes=policy.classes
    )
    if draw(st.booleans()):
        batch = replace(batch, max_wait_ps=300)
    return ReplicaGroup(
        batch if kind == 0 else policy,
        draw(step_times()),
        replicas,
        name,
        lockstep=kind == 1,
        scaling=draw(scalings(replicas)) if kind in {2, 3, 4} else None,
    )


@st.composite
def plain(draw: st.DrawFn, *, patient: bool = False) -> Case:
    """One or two groups, all routers, by class too."""
    policy = draw(policies())
    first = draw(groups(policy, "one"))
    router, workload = draw(routers()), draw(workloads(policy, patient=patient))
    if draw(st.booleans()):
        return workload, Cluster((first,), router)
    second = draw(groups(draw(like(policy)), "two"))
    if draw(st.booleans()):
        router = ByClass({0: ("one",), 1: ("two",)}, router)
    return workload, Cluster((first, second), router)


@st.composite
def escalated(draw: st.DrawFn, *, patient: bool = False) -> Case:
    """A small group and a large one."""
    policy = draw(policies())
    workload = draw(workloads(policy, patient=patient))
    small, large = draw(groups(policy, "small")), draw(groups(draw(like(policy)), "large"))
    rng = Random(draw(st.integers(0, 1000)))
    fails = np.array([rng.random() < 0.5 for _ in range(len(workload))])
    escalation = Escalation("small", "large", fails, draw(st.sampled_from((0, 250))))
    both = (small, large) if draw(st.booleans()) else (large, small)
    return workload, Cluster(both, draw(routers()), escalation=escalation)


@st.composite
def split(draw: st.DrawFn, *, patient: bool = False) -> Case:
    """Prefill and decode apart."""
    policy = draw(policies())
    workload = draw(workloads(policy, patient=patient))
    replicas = draw(st.integers(1, 2))
    scaling = draw(scalings(replicas)) if draw(st.integers(0, 3)) == 0 else None
    prefill = ReplicaGroup(policy, draw(step_times()), replicas, "prefill", scaling=scaling)
    other = draw(like(policy))
    unlimited = replace(other, classes=tuple(unlimit(each) for each in other.classes))
    decode = ReplicaGroup(unlimited, draw(step_times()), draw(st.integers(1, 2)), "decode")
    apart = Disaggregation(
        latency_ps=draw(st.sampled_from((0, 40, 700))), token_ps=draw(st.integers(0, 20))
    )
    both = (prefill, decode) if draw(st.booleans()) else (decode, prefill)
    return workload, Cluster(both, draw(routers()), disaggregation=apart)


def unlimit(service: ServiceClass) -> ServiceClass:
    """The class with a queue of any length."""
    return replace(service, max_queue=None)


def cases(*, patient: bool = False) -> st.SearchStrategy[Case]:
    """A workload and a cluster of any kind."""
    return st.one_of(plain(patient=patient), escalated(patient=patient), split(patient=patient))

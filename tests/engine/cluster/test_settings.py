"""Clusters that contradict themselves are refused with what to change."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from finops.engine.cluster import (
    ByClass,
    Cluster,
    Disaggregation,
    Escalation,
    InvalidCluster,
    ReplicaGroup,
    Scaling,
    Signal,
    simulate_cluster,
)
from finops.engine.errors import InvalidWorkload
from finops.engine.executor import LinearStepTime
from finops.engine.policy import BatchPolicy, Policy, ServiceClass
from finops.engine.workload import Request, Workload

POLICY, TIME = Policy(blocks=10), LinearStepTime(100)
RULE = Scaling(Signal.WAITING, 1.0, minimum=2, maximum=4)


def group(name: str, policy: Policy | BatchPolicy = POLICY) -> ReplicaGroup:
    return ReplicaGroup(policy, TIME, name=name)


@pytest.mark.parametrize(
    ("replicas", "lockstep", "scaling", "policy", "says"),
    [
        (0, False, None, POLICY, "needs a replica"),
        (1, False, RULE, POLICY, "2 to 4"),
        (2, True, RULE, POLICY, "lockstep"),
        (2, True, None, BatchPolicy(10), "lockstep"),
    ],
)
def test_a_group_must_have_replicas_and_one_way_of_stepping(
    replicas: int, lockstep: bool, scaling: Scaling | None, policy: Policy, says: str
) -> None:
    with pytest.raises(InvalidCluster, match=says):
        ReplicaGroup(policy, TIME, replicas, lockstep=lockstep, scaling=scaling)


@pytest.mark.parametrize("price", ["-1", "NaN", "Infinity"])
def test_an_hour_costs_a_sum_of_money(price: str) -> None:
    with pytest.raises(InvalidCluster, match="default can't cost"):
        ReplicaGroup(POLICY, TIME, usd_per_hour=Decimal(price))


def test_groups_have_names_and_only_those_are_named() -> None:
    with pytest.raises(InvalidCluster, match="name of its own"):
        Cluster((group("a"), group("a")))
    with pytest.raises(InvalidCluster, match="name of its own"):
        Cluster(())
    with pytest.raises(InvalidCluster, match="no group b; there are a"):
        Cluster((group("a"),), ByClass({0: ("b",)}))
    with pytest.raises(InvalidCluster, match="needs a group"):
        Cluster((group("a"),), ByClass({0: ()}))
    fails = np.zeros(1, np.bool_)
    with pytest.raises(InvalidCluster, match="no group large"):
        Cluster((group("a"),), escalation=Escalation("a", "large", fails))
    with pytest.raises(InvalidCluster, match="another group"):
        Cluster((group("a"),), escalation=Escalation("a", "a", fails))


def test_prefill_and_decode_are_two_groups_that_can_do_it() -> None:
    apart = Disaggregation()
    with pytest.raises(InvalidCluster, match="two groups"):
        Cluster((group("prefill"), group("decode"), group("more")), disaggregation=apart)
    with pytest.raises(InvalidCluster, match="continuously"):
        Cluster((group("prefill", BatchPolicy(10)), group("decode")), disaggregation=apart)
    short = Policy(blocks=10, classes=(ServiceClass(max_queue=3),))
    with pytest.raises(InvalidCluster, match="Limit the queue of the prefill"):
        Cluster((group("prefill"), group("decode", short)), disaggregation=apart)
    scaled = ReplicaGroup(POLICY, TIME, 2, "decode", scaling=RULE)
    with pytest.raises(InvalidCluster, match="Only the prefill"):
        Cluster((group("prefill"), scaled), disaggregation=apart)


def test_every_group_must_know_every_class() -> None:
    two = Policy(blocks=10, classes=(ServiceClass("a"), ServiceClass("b")))
    workload = Workload.of([Request(0, 4, 1, klass=1)])
    with pytest.raises(InvalidWorkload, match="every group"):
        simulate_cluster(workload, Cluster((group("one", two), group("two"))))

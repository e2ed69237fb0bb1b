"""The small model first."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from finops.engine.cluster import (
    Cluster,
    ClusterResult,
    Escalation,
    ReplicaGroup,
    failures,
    simulate_cluster,
)
from finops.engine.errors import InvalidWorkload
from finops.engine.executor import LinearStepTime
from finops.engine.policy import Policy
from finops.engine.sequence import State
from finops.engine.workload import Request, Workload

HOUR_PS = 3600 * 10**12


def run(requests: list[Request], fails: list[bool]) -> ClusterResult:
    """Steps of 100 ps in the small group and of 300 in the large; the check takes 50."""
    policy = Policy(blocks=100, max_seqs=8)
    small = ReplicaGroup(policy, LinearStepTime(100), name="small", usd_per_hour=Decimal(1))
    large = ReplicaGroup(policy, LinearStepTime(300), name="large", usd_per_hour=Decimal(8))
    escalation = Escalation("small", "large", np.array(fails), check_ps=50)
    cluster = Cluster((small, large), escalation=escalation)
    return simulate_cluster(Workload.of(requests), cluster)


def test_what_fails_is_served_twice_paid_twice_and_succeeds_once() -> None:
    # A's two tokens by the small model: 200. Its check ends at 250, its answer by the large model
    # at 850. B is done at 200.
    result = run([Request(0, 4, 2), Request(0, 4, 2)], [True, False])
    assert result.finish_ps.tolist() == [850, 200]
    assert (result.arrival_ps.tolist(), result.first_ps.tolist()) == ([0, 0], [550, 100])
    assert result.escalated.tolist() == [1, 0]
    assert result.group.tolist() == [1, 0]
    groups = result.by_group()
    assert [(use.requests, use.busy_ps, use.up_ps) for use in groups.values()] == [
        (2, 200, 850),
        (1, 600, 850),
    ]
    assert result.attempts.tolist() == [1, 1]
    assert result.cost_per_success_usd == Decimal(9) * 850 / HOUR_PS / 2


def test_the_client_waits_for_both_no_longer_than_for_one() -> None:
    requests = [Request(0, 4, 2, timeout_ps=400), Request(0, 4, 2, timeout_ps=230)]
    result = run(requests, [True, True])
    # A's client goes in the large model's first step, B's while its answer is checked.
    assert result.status.tolist() == [State.TIMED_OUT, State.TIMED_OUT]
    assert result.finish_ps.tolist() == [400, 230]
    assert result.by_group()["large"].busy_ps == 300


def test_failures_are_drawn_once_and_for_all() -> None:
    drawn = failures(10_000, 0.2, seed=3)
    assert (drawn == failures(10_000, 0.2, seed=3)).all()
    assert drawn.mean() == pytest.approx(0.2, abs=0.02)


def test_an_escalation_for_other_requests_is_refused() -> None:
    with pytest.raises(InvalidWorkload, match="each request"):
        run([Request(0, 4, 2)], [True, False])

"""Groups that grow and shrink: worked out by hand. A step takes 100 ps."""

from __future__ import annotations

import pytest

from finops.engine.cluster import (
    Cluster,
    ClusterResult,
    LeastLoaded,
    ReplicaGroup,
    Scaling,
    Signal,
    simulate_cluster,
)
from finops.engine.errors import InvalidPolicy
from finops.engine.executor import LinearStepTime
from finops.engine.policy import Policy
from finops.engine.sequence import State
from finops.engine.workload import Request, Workload


def run(requests: list[Request], scaling: Scaling, replicas: int) -> ClusterResult:
    policy = Policy(blocks=100, max_seqs=8)
    group = ReplicaGroup(policy, LinearStepTime(100), replicas, scaling=scaling)
    return simulate_cluster(Workload.of(requests), Cluster((group,), LeastLoaded()))


def scaling(signal: Signal, target: float, least: int, most: int, **times: int) -> Scaling:
    return Scaling(signal, target, least, most, **times)


def test_from_zero_a_request_waits_for_the_start_and_an_idle_replica_goes_again() -> None:
    # Looks are at 900, 1,300, … A comes at 500 and orders a replica, which is up at 1,500. It is
    # let go at the first look with nothing to do and 1,500 after the order: at 2,100. B orders the
    # next at 5,000.
    rule = scaling(
        Signal.REQUESTS, 1.0, 0, 2, start_ps=1_000, every_ps=400, cooldown_ps=1_500, window_ps=1
    )
    result = run([Request(500, 4, 1), Request(5_000, 4, 1)], rule, 0)
    assert result.scheduled_ps.tolist() == [1_500, 6_000]
    assert result.finish_ps.tolist() == [1_600, 6_100]
    assert result.replica.tolist() == [0, 1]
    assert [use.up_ps for use in result.replicas] == [1_600, 1_100]


def test_one_order_brings_all_that_are_missing_and_they_serve_who_comes_when_they_are_up() -> None:
    # At 100 five requests for a target of two want three replicas: two more, up at 400. F, at 450,
    # goes to the first of them. They are paid for from 100 on.
    rule = scaling(
        Signal.REQUESTS, 2.0, 1, 3, start_ps=300, every_ps=100, cooldown_ps=10**6, window_ps=1
    )
    result = run([*(Request(0, 4, 20) for _ in range(5)), Request(450, 4, 1)], rule, 1)
    assert result.replica.tolist() == [0, 0, 0, 0, 0, 1]
    assert result.finish_ps[5] == 550
    assert [use.up_ps for use in result.replicas] == [2_000, 1_900, 1_900]


def test_who_is_let_go_takes_nobody_new_and_stops_when_it_is_empty() -> None:
    # A on 0 until 5,000, B on 1 until 1,000. At 400 two requests for a target of four want one
    # replica: of equals the younger goes. C, at 500, goes to 0 although both have one request.
    rule = scaling(Signal.REQUESTS, 4.0, 1, 2, every_ps=400, cooldown_ps=0, window_ps=1)
    result = run([Request(0, 4, 50), Request(0, 4, 10), Request(500, 4, 1)], rule, 2)
    assert result.replica.tolist() == [0, 1, 0]
    assert [use.up_ps for use in result.replicas] == [5_000, 1_000]


def test_who_gives_up_while_nobody_is_up_ends_at_its_deadline() -> None:
    rule = scaling(Signal.WAITING, 1.0, 0, 1, start_ps=1_000, every_ps=400)
    result = run([Request(0, 4, 1, timeout_ps=600), Request(100, 4, 1)], rule, 0)
    assert result.status.tolist() == [State.TIMED_OUT, State.FINISHED]
    assert result.finish_ps.tolist() == [600, 1_100]
    assert result.replica.tolist() == [-1, 0]


@pytest.mark.parametrize(
    ("signal", "target", "replicas"),
    [
        # At the look at 1,000: eight run and eight wait.
        (Signal.WAITING, 4.0, 2),
        (Signal.WAITING, 8.0, 1),
        (Signal.REQUESTS, 4.0, 4),
        # In steps all the time: 1 ÷ 0.5 and 1 ÷ 1.
        (Signal.UTILISATION, 0.5, 2),
        (Signal.UTILISATION, 1.0, 1),
        # The first eight got their first token after 100 ps.
        (Signal.TTFT, 25e-12, 4),
        (Signal.TTFT, 100e-12, 1),
    ],
)
def test_replicas_times_signal_over_target_is_what_is_up(
    signal: Signal, target: float, replicas: int
) -> None:
    rule = scaling(signal, target, 1, 9, start_ps=0, every_ps=1_000, window_ps=2_000)
    # Until 1,900, so that there is one look while all is as at the start.
    result = run([Request(0, 4, 19) for _ in range(16)], rule, 1)
    assert len([use for use in result.replicas if use.up_ps > result.end_ps - 2_000]) >= 1
    assert sum(use.up_ps >= result.end_ps - 1_000 for use in result.replicas) == replicas


def test_a_first_token_is_not_seen_before_it_is_out() -> None:
    # It is out at 100: the look at 50 sees nothing, that at 100 orders a second replica.
    rule = scaling(Signal.TTFT, 50e-12, 1, 2, start_ps=0, every_ps=50, window_ps=10**6)
    result = run([Request(0, 4, 2)], rule, 1)
    assert [use.up_ps for use in result.replicas] == [200, 100]


def test_a_rule_that_no_group_could_follow_is_refused() -> None:
    for target in (0.0, float("nan"), float("inf")):
        with pytest.raises(InvalidPolicy, match="target"):
            Scaling(Signal.WAITING, target)
    with pytest.raises(InvalidPolicy, match="minimum ≤ maximum"):
        Scaling(Signal.WAITING, 1.0, minimum=3, maximum=2)
    with pytest.raises(InvalidPolicy, match="times"):
        Scaling(Signal.WAITING, 1.0, every_ps=0)
    with pytest.raises(InvalidPolicy, match="percentile"):
        Scaling(Signal.TTFT, 1.0, percentile=101)

"""Two replicas, a few requests, times worked out by hand.

Every step takes 100 ps unless said otherwise. A request of n output tokens takes n steps: its
prompt is computed in the first.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from finops.engine.cluster import (
    ByClass,
    Cluster,
    ClusterResult,
    LeastLoaded,
    ReplicaGroup,
    RoundRobin,
    Router,
    simulate_cluster,
)
from finops.engine.executor import LinearStepTime
from finops.engine.policy import Policy, ServiceClass
from finops.engine.sequence import State
from finops.engine.workload import Request, Retry, Workload

POLICY = Policy(blocks=100, max_seqs=8, max_tokens=64)


def run(requests: list[Request], router: Router, retry: Retry | None = None) -> ClusterResult:
    group = ReplicaGroup(POLICY, LinearStepTime(100), replicas=2)
    return simulate_cluster(Workload.of(requests, retry), Cluster((group,), router))


def test_round_robin_takes_turns_and_whoever_comes_in_a_step_is_in_the_next() -> None:
    # A and C share replica 0: steps end at 100, 200, 300. C comes in the first, so it is in the
    # second. B has replica 1 for one step. D comes there when it is idle: 150 to 250.
    a, b = Request(0, 4, 3), Request(0, 4, 1)
    c, d = Request(50, 4, 2), Request(150, 4, 1)
    result = run([a, b, c, d], RoundRobin())
    assert result.replica.tolist() == [0, 1, 0, 1]
    assert result.scheduled_ps.tolist() == [0, 0, 100, 150]
    assert result.first_ps.tolist() == [100, 100, 200, 250]
    assert result.finish_ps.tolist() == [300, 100, 300, 250]
    assert [use.busy_ps for use in result.replicas] == [300, 200]
    assert (result.end_ps, result.steps) == (300, 5)


def test_the_least_loaded_is_seen_as_of_the_steps_that_have_ended() -> None:
    # B's only step ends at 100. At 99 it still counts, so C finds one request on each and goes to
    # the first; at 100 it has ended, so D goes to replica 1.
    requests = [Request(0, 4, 9), Request(0, 4, 1), Request(99, 4, 9), Request(100, 4, 1)]
    result = run(requests, LeastLoaded())
    assert result.replica.tolist() == [0, 1, 0, 1]
    assert result.first_ps.tolist() == [100, 100, 200, 200]


def test_by_tokens_one_long_prompt_weighs_more_than_three_short_ones() -> None:
    requests = [Request(0, 40, 9), *(Request(0, 9, 9) for _ in range(4)), Request(0, 9, 9)]
    # 40 | 9, 18, 27, 36 | then 45 would be more than 40: the last goes to the first replica.
    assert run(requests, LeastLoaded(by_tokens=True)).replica.tolist() == [0, 1, 1, 1, 1, 1]
    assert run([*requests, Request(0, 9, 9)], LeastLoaded(by_tokens=True)).replica[-1] == 0
    assert run(requests, LeastLoaded()).replica.tolist() == [0, 1, 0, 1, 0, 1]


def test_who_waits_can_weigh_more_than_who_runs() -> None:
    # Replica 0 has room for one, replica 1 for eight; A and B run there. C waits on 0 either way.
    tight = ReplicaGroup(Policy(blocks=100, max_seqs=1), LinearStepTime(100), name="tight")
    wide = ReplicaGroup(POLICY, LinearStepTime(100), name="wide")
    at = [(0, 9), (0, 9), (10, 9), (20, 9), (120, 9), (130, 9), (140, 9), (150, 9)]
    workload = Workload.of([Request(time, 4, output) for time, output in at])
    plain = simulate_cluster(workload, Cluster((tight, wide), LeastLoaded()))
    heavy = simulate_cluster(workload, Cluster((tight, wide), LeastLoaded(waiting_weight=4)))
    assert plain.group.tolist() == [0, 1, 0, 1, 0, 1, 0, 1]
    # With a weight of 4, replica 0 has 1 + 4 from 10 on. D goes to 1, and runs from 100 on: 2. So
    # E goes there at 120, and waits for the step to end: 2 + 4. F finds 5 and 6 and goes to 0: 9;
    # G finds 9 and 6, H finds 9 and 10.
    assert heavy.group.tolist() == [0, 1, 0, 1, 1, 0, 1, 0]


def test_a_class_has_its_own_group_and_each_group_its_own_speed_and_price() -> None:
    classes = (ServiceClass("chat"), ServiceClass("batch"))
    policy = Policy(blocks=100, max_seqs=8, classes=classes)
    fast = ReplicaGroup(policy, LinearStepTime(100), 2, "fast", usd_per_hour=Decimal(4))
    cheap = ReplicaGroup(policy, LinearStepTime(250), 1, "cheap", usd_per_hour=Decimal(1))
    router = ByClass({0: ("fast",), 1: ("cheap",)}, RoundRobin())
    hour = 3600 * 10**12
    requests = [Request(0, 4, 2), Request(0, 4, 2, klass=1), Request(0, 4, 1)]
    # A last one, an hour later, on `fast` again: so the whole takes an hour and 100 ps.
    requests.append(Request(hour, 4, 1))
    result = simulate_cluster(Workload.of(requests), Cluster((fast, cheap), router))
    assert result.finish_ps.tolist() == [200, 500, 100, hour + 100]
    assert result.replica.tolist() == [0, 2, 1, 0]
    groups = result.by_group()
    assert (groups["fast"].up_ps, groups["cheap"].up_ps) == (2 * (hour + 100), hour + 100)
    assert (groups["fast"].busy_ps, groups["cheap"].busy_ps) == (400, 500)
    assert float(result.cost_usd) == pytest.approx(9.0)
    assert result.cost_per_success_usd == result.cost_usd / 4
    assert result.utilisation == 900 / (3 * (hour + 100))


def test_a_retry_goes_where_the_router_sends_it_when_the_timeout_is_noticed() -> None:
    # A gives up at 150; replica 0 notices at 200, when its second step ends. The retry was due at
    # 160 but is known at 200 only, and the router's third turn is replica 0's.
    a, b = Request(0, 4, 9, timeout_ps=150), Request(0, 4, 3)
    result = run([a, b], RoundRobin(), Retry(attempts=2, backoff_ps=10))
    assert result.attempts.tolist() == [2, 1]
    assert result.replica.tolist() == [0, 1]
    # Its second attempt came at 160 and gives up at 310, in the step that ends at 400.
    assert (result.scheduled_ps[0], result.finish_ps[0]) == (200, 310)
    assert result.status.tolist() == [State.TIMED_OUT, State.FINISHED]
    assert result.replicas[0].busy_ps == 400


def test_nobody_on_any_replica_means_an_empty_result() -> None:
    result = run([], RoundRobin())
    assert (len(result.status), result.steps, result.end_ps) == (0, 0, 0)
    assert result.cost_per_success_usd is None

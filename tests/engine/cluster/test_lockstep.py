"""Ranks that step together."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings

from finops.engine.cluster import Cluster, ReplicaGroup, simulate_cluster
from finops.engine.executor import LinearStepTime
from finops.engine.policy import Policy
from finops.engine.workload import Request, Workload
from tests.engine.cluster.drawn import unlimit
from tests.engine.drawn import cases as single_cases


def test_a_step_lasts_as_long_as_the_slowest_rank_and_idle_ranks_step_along() -> None:
    # A step takes 10 ps and one for each token. A (30 tokens) is rank 0's, B (5) rank 1's: the
    # first step lasts 40 for both, although B's alone would take 15. A is done then. In the second
    # rank 0 runs a dummy token beside B's: 11. C comes at 45, and rank 0 has less to do; it starts
    # at 51, when all step again: 30, with B's last token.
    policy = Policy(blocks=100, max_tokens=64, max_seqs=8)
    group = ReplicaGroup(policy, LinearStepTime(10, token_ps=1), 2, lockstep=True)
    requests = [Request(0, 30, 1), Request(0, 5, 3), Request(45, 20, 1)]
    result = simulate_cluster(Workload.of(requests), Cluster((group,)))
    assert result.replica.tolist() == [0, 1, 0]
    assert result.scheduled_ps.tolist() == [0, 0, 51]
    assert result.first_ps.tolist() == [40, 40, 81]
    assert result.finish_ps.tolist() == [40, 81, 81]
    assert [(use.steps, use.busy_ps) for use in result.replicas] == [(3, 81), (3, 81)]
    assert [use.tokens for use in result.replicas] == [30 + 20, 5 + 1 + 1]
    assert result.utilisation == 1.0


def test_a_request_goes_to_the_rank_with_least_running_and_four_times_waiting() -> None:
    # Four blocks a rank. A takes all of rank 0's until 500; all others need one. B goes to 1. At 10
    # both run one: C goes to 0 and waits, 5. D goes to 1. At 120 that runs two, so E goes there too
    # although rank 0 has no more requests; at 220 it runs three, and F is the fourth.
    policy = Policy(blocks=4, max_seqs=8)
    group = ReplicaGroup(policy, LinearStepTime(100), 2, lockstep=True)
    later = [Request(time, 4, 9) for time in (0, 10, 20, 120, 220)]
    workload = Workload.of([Request(0, 60, 5), *later])
    result = simulate_cluster(workload, Cluster((group,)))
    assert result.replica.tolist() == [0, 1, 0, 1, 1, 1]


@given(single_cases(patient=True))
@settings(max_examples=60, deadline=None)
def test_ranks_in_lockstep_all_do_as_many_steps(
    case: tuple[Workload, Policy, LinearStepTime],
) -> None:
    workload, policy, step_time = case
    policy = replace(policy, classes=tuple(map(unlimit, policy.classes)), max_model_len=None)
    group = ReplicaGroup(policy, step_time, 3, lockstep=True)
    result = simulate_cluster(workload, Cluster((group,)))
    assert len({(use.steps, use.busy_ps) for use in result.replicas}) == 1
    longest = workload.prompt + workload.output - 1
    fits = -(-longest // policy.block_size) <= policy.blocks
    assert (result.finished == fits).all()

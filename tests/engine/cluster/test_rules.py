"""The rules that a cluster follows, whatever the traffic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import assume, given, settings

from finops.engine.cluster import (
    Cluster,
    ReplicaGroup,
    RoundRobin,
    Signal,
    simulate_cluster,
)
from finops.engine.executor import LinearStepTime
from finops.engine.policy import BatchPolicy, Policy
from finops.engine.sequence import State
from finops.engine.workload import Retry, Workload
from tests.engine.cluster.drawn import Case, cases, escalated, plain, split, unlimit
from tests.engine.cluster.watched import Counted, Watched
from tests.engine.drawn import cases as single_cases
from tests.engine.drawn import difference

few = settings(max_examples=60, deadline=None)


@given(cases())
@settings(max_examples=150, deadline=None)
def test_no_attempt_is_lost_or_ends_twice_and_all_memory_is_given_back(case: Case) -> None:
    # Also in here, after each moment: work conservation, a clock that only rises, the same counts
    # on all sides, rule 13. See watched.py.
    watched = Counted(*case)
    result = watched.run()
    assert [watched.ends_of[at] for at in range(len(result.status))] == result.attempts.tolist()
    assert all(count <= 1 for count in watched.finished_of.values())
    assert sum(watched.finished_of.values()) == int(result.finished.sum())
    assert (result.status >= State.FINISHED).all()
    assert ((result.attempts > 0) == (result.status != State.NOT_SENT)).all()
    assert ((result.replica >= 0) | ~result.finished).all()


@given(cases(patient=True))
@few
def test_whoever_is_patient_and_fits_is_served_once(case: Case) -> None:
    workload, cluster = case
    groups = tuple(replace(group, policy=patient(group.policy)) for group in cluster.groups)
    cluster = replace(cluster, groups=groups)
    result = simulate_cluster(workload, cluster)
    fits = np.logical_and.reduce([fitting(workload, group.policy) for group in groups])
    assert result.finished[fits].all()
    served = sum(use.requests for use in result.replicas)
    if cluster.disaggregation is not None:
        assert served == result.finished.sum() + (workload.output > 1)[result.finished].sum()
    elif cluster.escalation is None:
        assert served == result.finished.sum()
    else:
        assert served == result.finished.sum() + result.escalated.sum()


def patient(policy: Policy | BatchPolicy) -> Policy | BatchPolicy:
    return replace(policy, classes=tuple(unlimit(each) for each in policy.classes))


def fitting(workload: Workload, policy: Policy | BatchPolicy) -> np.ndarray[tuple[int], np.dtype]:
    longest = workload.prompt + workload.output - 1
    fits = -(-longest // policy.block_size) <= policy.blocks
    if policy.max_model_len is not None:
        fits &= workload.prompt + workload.output <= policy.max_model_len
    if isinstance(policy, BatchPolicy):
        fits &= workload.prompt <= policy.max_tokens
    return fits


@given(cases())
@few
def test_times_are_in_order_and_no_replica_works_longer_than_it_is_paid_for(case: Case) -> None:
    result = simulate_cluster(*case)
    done = result.finished
    assert (result.arrival_ps[done] <= result.scheduled_ps[done]).all()
    assert (result.scheduled_ps[done] < result.first_ps[done]).all()
    assert (result.first_ps[done] <= result.finish_ps[done]).all()
    for use in result.replicas:
        assert 0 <= use.busy_ps <= use.up_ps <= result.end_ps - result.start_ps
    assert sum(use.busy_ps for use in result.replicas) == result.busy_ps


@given(plain(patient=True))
@few
def test_requests_inside_times_time_is_the_sum_of_their_times(case: Case) -> None:
    # Little's law, without sampling error: the integral of N is the sum of all times in the system.
    watched = Watched(*case)
    result = watched.run()
    assert watched.area_ps == (result.finish_ps - result.arrival_ps).sum()


@given(split(patient=True))
@few
def test_the_same_holds_with_prompts_on_their_way(case: Case) -> None:
    watched = Watched(*case)
    result = watched.run()
    assert watched.area_ps == (result.finish_ps - result.arrival_ps).sum()


@given(cases())
@few
def test_running_twice_gives_the_same(case: Case) -> None:
    assert difference(simulate_cluster(*case), simulate_cluster(*case)) == []


@given(single_cases(patient=True))
@few
def test_a_replica_for_each_request_is_the_fastest_there_is(
    case: tuple[Workload, Policy, LinearStepTime],
) -> None:
    # More replicas may well make one request later: steps end at other times, and whoever comes
    # just after one has begun waits for its end. But alone, each step takes the least time and
    # nobody waits. (Not so with a prefix cache, where others leave something behind; nor with a
    # prompt in chunks: beside others its first can be the short one, and later ones read less.)
    workload, policy, step_time = case
    classes = tuple(map(unlimit, policy.classes))
    policy = replace(policy, prefix_cache=False, max_tokens=10**6, classes=classes)
    few_replicas, many = (
        simulate_cluster(workload, Cluster((ReplicaGroup(policy, step_time, n),), RoundRobin()))
        for n in (2, len(workload))
    )
    assert (many.status == few_replicas.status).all()
    done = many.finished
    assert (many.e2e_s() <= few_replicas.e2e_s()).all()
    assert (many.finish_ps <= few_replicas.finish_ps)[done].all()


@given(plain() | split() | escalated())
@settings(max_examples=100, deadline=None)
def test_if_everything_takes_three_times_as_long_all_is_three_times_as_late(case: Case) -> None:
    workload, cluster = case
    assume(all(g.scaling is None or g.scaling.signal != Signal.TTFT for g in cluster.groups))
    retry = Retry(workload.retry.attempts, 3 * workload.retry.backoff_ps)
    once = replace(workload, retry=replace(retry, backoff_ps=workload.retry.backoff_ps))
    slow = replace(
        workload,
        arrival_ps=3 * workload.arrival_ps,
        timeout_ps=3 * workload.timeout_ps,
        cancel_ps=None if workload.cancel_ps is None else 3 * workload.cancel_ps,
        retry=retry,
    )
    one, three = simulate_cluster(once, cluster), simulate_cluster(slow, slowed(cluster))
    assert (three.status == one.status).all()
    assert (three.replica == one.replica).all()
    for name in ("arrival_ps", "scheduled_ps", "first_ps", "finish_ps"):
        before, after = getattr(one, name), getattr(three, name)
        assert (after == np.where(before < 0, before, 3 * before)).all()
    assert [use.up_ps for use in three.replicas] == [3 * use.up_ps for use in one.replicas]


def slowed(cluster: Cluster) -> Cluster:
    """The cluster with all times three times as long."""
    groups = []
    for group in cluster.groups:
        time, policy, scaling = group.step_time, group.policy, group.scaling
        assert isinstance(time, LinearStepTime)
        fixed = (time.step_ps, time.token_ps, time.row_ps, time.kv_ps, time.pair_ps)
        policy = replace(policy, age_ps=3 * policy.age_ps)
        if isinstance(policy, BatchPolicy) and policy.max_wait_ps is not None:
            policy = replace(policy, max_wait_ps=3 * policy.max_wait_ps)
        if scaling is not None:
            names = ("start_ps", "every_ps", "window_ps", "cooldown_ps")
            scaling = replace(scaling, **{name: 3 * getattr(scaling, name) for name in names})
        slow = LinearStepTime(*(3 * each for each in fixed))
        groups.append(replace(group, step_time=slow, policy=policy, scaling=scaling))
    apart, escalation = cluster.disaggregation, cluster.escalation
    if apart is not None:
        apart = replace(apart, latency_ps=3 * apart.latency_ps, token_ps=3 * apart.token_ps)
    if escalation is not None:
        escalation = replace(escalation, check_ps=3 * escalation.check_ps)
    return replace(cluster, groups=tuple(groups), disaggregation=apart, escalation=escalation)

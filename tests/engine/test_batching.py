"""Dynamic and static batching: when a batch starts, what it holds, when it is over."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finops.engine.errors import InvalidPolicy
from finops.engine.executor import LinearStepTime
from finops.engine.policy import BatchPolicy, Policy, ServiceClass
from finops.engine.sequence import State
from finops.engine.simulate import simulate
from finops.engine.workload import Request, Retry, Workload

STEP = LinearStepTime(100)


def started(requests: list[Request], policy: BatchPolicy) -> list[int]:
    return [int(time) for time in simulate(Workload.of(requests), policy, STEP).scheduled_ps]


def test_a_batch_starts_when_it_is_full() -> None:
    requests = [Request(at, 4, 2) for at in (0, 30, 60, 90)]
    policy = BatchPolicy(blocks=100, max_seqs=2, max_wait_ps=10_000)
    # The second pair waits until the first batch is over: two steps of 100 from 30 on.
    assert started(requests, policy) == [30, 30, 230, 230]


def test_a_batch_that_does_not_fill_starts_when_its_oldest_has_waited_long_enough() -> None:
    policy = BatchPolicy(blocks=100, max_seqs=8, max_wait_ps=500)
    assert started([Request(0, 4, 2), Request(200, 4, 2)], policy) == [500, 500]


def test_a_static_batch_waits_until_it_is_full_or_nothing_more_will_come() -> None:
    policy = BatchPolicy(blocks=100, max_seqs=2)
    assert started([Request(at, 4, 2) for at in (0, 9_000, 20_000)], policy) == [
        9_000,
        9_000,
        20_000,
    ]


def test_a_batch_holds_prompts_of_one_length_bucket() -> None:
    policy = BatchPolicy(blocks=100, max_seqs=2, max_wait_ps=1_000, buckets=(8, 64))
    requests = [Request(0, 4, 1), Request(10, 40, 1), Request(20, 8, 1), Request(30, 64, 1)]
    assert started(requests, policy) == [20, 120, 20, 120]


def test_padded_prompts_count_against_the_cap_of_tokens() -> None:
    policy = BatchPolicy(blocks=100, max_seqs=4, max_tokens=20, max_wait_ps=1_000)
    # 10 + 4 are padded to 20; a third would make 30.
    assert started([Request(0, 10, 1), Request(1, 4, 1), Request(2, 4, 1)], policy) == [2, 2, 1_002]


def test_rows_are_padded_to_the_longest_until_the_last_is_done() -> None:
    requests = [Request(0, 10, 1), Request(0, 4, 3)]
    time = LinearStepTime(100, token_ps=1, row_ps=10, kv_ps=0)
    result = simulate(Workload.of(requests), BatchPolicy(blocks=100, max_seqs=2), time)
    # Prefill: 2 rows of 10 tokens; then two steps of 2 rows although one answer is complete.
    assert result.first_ps.tolist() == [140, 140]
    assert result.finish_ps.tolist() == [140, 140 + 2 * 122]
    assert result.computed_tokens == 20 + 4


@pytest.mark.parametrize("fast", [True, False])
def test_who_gives_up_before_a_batch_is_due_ends_all_if_nobody_else_is_there(fast: bool) -> None:
    policy = BatchPolicy(blocks=100, max_seqs=2, max_wait_ps=1_000)
    workload = Workload.of([Request(100, 4, 2, timeout_ps=300)])
    result = simulate(workload, policy, STEP, fast=fast)
    assert (result.status[0], result.finish_ps[0]) == (State.TIMED_OUT, 400)
    assert (result.start_ps, result.end_ps, result.busy_ps) == (100, 400, 0)


def test_classes_go_by_priority_and_their_cap() -> None:
    classes = (ServiceClass("chat"), ServiceClass("batch", priority=1, max_seqs=1))
    policy = BatchPolicy(blocks=100, max_seqs=3, max_wait_ps=100, classes=classes)
    requests = [Request(0, 4, 1, klass=1), Request(0, 4, 1, klass=1), Request(5, 4, 1)]
    assert started(requests, policy) == [100, 200, 100]


@given(st.integers(0, 2**20), st.integers(1, 30), st.integers(1, 5), st.integers(0, 900))
@settings(max_examples=60, deadline=None)
def test_a_dynamic_batch_waits_until_it_is_full_or_due_and_no_longer(
    seed: int, size: int, rows: int, wait: int
) -> None:
    rng = Random(seed)
    times = sorted(rng.randint(0, 8_000) for _ in range(size))
    requests = [Request(time, rng.randint(1, 40), rng.randint(1, 8)) for time in times]
    expected: list[int] = []
    free = 0
    while len(expected) < size:
        ahead = requests[len(expected) : len(expected) + rows]
        due = ahead[0].arrival_ps + wait
        full = ahead[-1].arrival_ps if len(ahead) == rows else due
        start = max(free, min(due, full))
        members = [row for row in ahead if row.arrival_ps <= start]
        expected += [start] * len(members)
        free = start + 100 * max(row.output for row in members)
    assert started(requests, BatchPolicy(1_000, max_seqs=rows, max_wait_ps=wait)) == expected


@given(st.integers(0, 2**20), st.integers(1, 20), st.sampled_from((None, 0, 400)))
@settings(max_examples=60, deadline=None)
def test_all_that_fits_finishes_in_time_order(seed: int, size: int, wait: int | None) -> None:
    rng = Random(seed)
    times = sorted(rng.randint(0, 5_000) for _ in range(size))
    requests = [
        Request(
            time,
            rng.randint(1, 40),
            rng.randint(1, 20),
            timeout_ps=rng.choice((None, None, 700)),
        )
        for time in times
    ]
    policy = BatchPolicy(
        blocks=rng.randint(4, 30),
        max_seqs=rng.randint(1, 5),
        max_tokens=rng.randint(40, 120),
        max_wait_ps=wait,
        buckets=rng.choice(((), (10,), (5, 20))),
    )
    result = simulate(Workload.of(requests, Retry(2, 100)), policy, STEP)
    done = result.finished
    assert (result.status >= State.FINISHED).all()
    assert (result.arrival_ps[done] <= result.scheduled_ps[done]).all()
    assert (result.first_ps[done] <= result.finish_ps[done]).all()
    assert result.busy_ps <= result.end_ps - result.start_ps


def test_continuous_batching_answers_sooner_than_dynamic_and_dynamic_sooner_than_static() -> None:
    rng = np.random.default_rng(5)
    arrivals = np.cumsum(rng.exponential(300, 400)).astype(np.int64)
    workload = Workload.of_columns(arrivals, rng.integers(1, 60, 400), rng.integers(1, 90, 400))
    time = LinearStepTime(60, token_ps=1, row_ps=1)
    policies = (
        Policy(blocks=600, max_seqs=32),
        BatchPolicy(blocks=600, max_seqs=32, max_wait_ps=2_000),
        BatchPolicy(blocks=600, max_seqs=32),
    )
    means = [float(simulate(workload, policy, time).e2e_s().mean()) for policy in policies]
    assert means == sorted(means)
    assert means[0] < means[1] / 2


def test_a_policy_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(InvalidPolicy, match="max_tokens"):
        Policy(blocks=10, max_seqs=8, max_tokens=4)
    with pytest.raises(InvalidPolicy, match="buckets"):
        BatchPolicy(blocks=10, buckets=(8, 4))
    with pytest.raises(InvalidPolicy, match="same name"):
        Policy(blocks=10, classes=(ServiceClass(), ServiceClass()))

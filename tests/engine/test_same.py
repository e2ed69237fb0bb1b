"""Fast-forward gives what step by step gives, to the bit: 1,000 random configurations a run.

They have priorities, caps, prefix cache, preemption, timeouts, cancels, retries and next turns.
"""

from __future__ import annotations

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from finops.engine.executor import LinearStepTime
from finops.engine.fast_forward import steps_until
from finops.engine.policy import BatchPolicy, Policy
from finops.engine.simulate import simulate
from finops.engine.workload import Request, Workload
from tests.engine.drawn import cases, difference

Case = tuple[Workload, Policy, LinearStepTime]


def check_same(case: Case | tuple[Workload, BatchPolicy, LinearStepTime]) -> None:
    assert difference(simulate(*case), simulate(*case, fast=False)) == []


# Four parts, so that tests that run side by side share the work; each has a seed of its own.
@pytest.mark.parametrize("part", range(4))
def test_fast_forward_gives_the_same_as_step_by_step(part: int) -> None:
    seed(part)(settings(max_examples=250)(given(cases())(check_same)))()


@given(cases(), st.sampled_from((None, 0, 700)), st.sampled_from(((), (10,), (5, 20))))
@settings(max_examples=200)
def test_whole_batches_are_the_same_fast_and_step_by_step(
    case: Case, wait: int | None, buckets: tuple[int, ...]
) -> None:
    workload, policy, step_time = case
    batches = BatchPolicy(
        blocks=policy.blocks,
        block_size=policy.block_size,
        max_seqs=policy.max_seqs,
        max_tokens=policy.max_tokens + 50,
        max_wait_ps=wait,
        buckets=buckets,
        classes=policy.classes,
    )
    check_same((workload, batches, step_time))


@pytest.mark.soak
@given(cases())
@settings(max_examples=10_000)
def test_ten_thousand_configurations_are_the_same(case: Case) -> None:
    check_same(case)


@given(st.integers(1, 10**13), st.integers(0, 10**10), st.integers(1, 10**6), st.data())
def test_steps_until_a_time_are_the_fewest_that_reach_it(
    first: int, slope: int, most: int, data: st.DataObject
) -> None:
    slope = min(slope, 2 * first - 1)

    def lasting(steps: int) -> int:
        return steps * first + slope * (steps * (steps - 1) // 2)

    # Also at the very end of a step, and just beside it.
    near = lasting(data.draw(st.integers(1, most))) + data.draw(st.integers(-1, 1))
    wait = data.draw(st.sampled_from((near, data.draw(st.integers(0, 2 * lasting(most))))))
    steps = steps_until(wait, first, slope, most)
    assert steps == most or (1 <= steps < most and lasting(steps) >= wait)
    assert steps == 1 or lasting(steps - 1) < wait


@pytest.mark.parametrize("fast", [True, False])
def test_chunks_of_a_long_prompt_take_what_they_take_one_by_one(fast: bool) -> None:
    # Budget 10, one decoding: nine tokens of the long prompt a step, for 1,000 tokens. It starts at
    # step 2 (100 ps each, 1 ps a KV token), and somebody who comes meanwhile waits for its end.
    policy = Policy(blocks=200, max_seqs=4, max_tokens=10)
    requests = [Request(0, 5, 400), Request(50, 1_000, 2), Request(300, 4, 2)]
    result = simulate(Workload.of(requests), policy, LinearStepTime(100, kv_ps=1), fast=fast)
    # Step 1: five tokens, 105 ps. Step k of the chunks reads 5 + k of the first and 9k of the long
    # one; 111 full ones and a last of one token. Then the third comes in, in that same last step.
    chunks = sum(100 + 5 + k + 9 * k for k in range(1, 112))
    assert result.first_ps[0] == 105
    assert result.first_ps[1] == 105 + chunks + (100 + 5 + 112 + 1_000 + 4)
    assert result.first_ps[2] == result.first_ps[1]
    assert result.scheduled_ps[2] == 105 + chunks

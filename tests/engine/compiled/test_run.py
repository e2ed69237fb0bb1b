"""Compiled code gives what Python gives, to the bit, and says what it doesn't cover."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from finops.engine.compiled.run import is_installed, run
from finops.engine.executor import LinearStepTime
from finops.engine.policy import BatchPolicy, Policy, ServiceClass
from finops.engine.result import Result
from finops.engine.simulate import simulate
from finops.engine.workload import Request, Retry, Workload
from tests.engine.drawn import cases, difference
from tests.services import missing

Case = tuple[Workload, Policy, LinearStepTime]
TIME = LinearStepTime(100, token_ps=1, row_ps=2, kv_ps=1, pair_ps=1)


def compiled(case: Case) -> Result:
    if not is_installed():
        missing("numba")
    found = run(*case)
    assert found is not None
    return found


@given(cases())
@settings(max_examples=1_000)
def test_compiled_fast_and_step_by_step_are_the_same(case: Case) -> None:
    by_machine_code = compiled(case)
    assert difference(by_machine_code, simulate(*case, compiled=False)) == []
    assert difference(by_machine_code, simulate(*case, fast=False)) == []


def traffic(size: int, seed: int = 3) -> Workload:
    rng = np.random.default_rng(seed)
    arrivals = np.cumsum(rng.exponential(400, size)).astype(np.int64)
    lengths = rng.integers(1, 300, size)
    return Workload.of_columns(arrivals, lengths, rng.integers(1, 200, size))


def test_thousands_of_requests_that_preempt_one_another_are_the_same() -> None:
    case = (traffic(3_000), Policy(blocks=120, max_seqs=24, max_tokens=128), TIME)
    result = compiled(case)
    assert difference(result, simulate(*case, compiled=False)) == []
    assert result.preempted.sum() > 500


def test_a_victim_gives_back_what_it_was_granted_in_this_very_step() -> None:
    # As in test_scheduler: the fourth step takes the first one's token and block from it. So the
    # last has computed 0, 2, 5, 8 and 11 tokens after steps 2 to 6; with a token less, 7 steps.
    classes = (ServiceClass("chat"), ServiceClass("batch", priority=1))
    policy = Policy(blocks=5, block_size=4, max_seqs=3, max_tokens=4, classes=classes)
    requests = [Request(0, 1, 10, klass=1), Request(50, 4, 4), Request(50, 11, 2)]
    case = (Workload.of(requests), policy, LinearStepTime(100))
    result = compiled(case)
    assert result.preempted.tolist() == [1, 0, 0]
    assert result.first_ps[2] == 600
    assert difference(result, simulate(*case, fast=False)) == []


def test_a_victim_returns_nothing_of_what_it_was_granted_in_steps_before() -> None:
    # The second needs a block in step 4, and is the one who goes. It was granted two tokens in step
    # 1 and none in step 4; so the long prompt gets the five that the first leaves of six: it has
    # computed 0, 4, 8, 13, 18 and 20 tokens after steps 1 to 6.
    classes = (ServiceClass("chat"), ServiceClass("batch", priority=1))
    policy = Policy(blocks=8, block_size=4, max_seqs=3, max_tokens=6, classes=classes)
    requests = [Request(0, 4, 6), Request(0, 2, 10, klass=1), Request(50, 20, 2)]
    case = (Workload.of(requests), policy, LinearStepTime(100))
    result = compiled(case)
    assert result.preempted.tolist() == [0, 1, 0]
    assert result.first_ps.tolist() == [100, 100, 600]
    assert difference(result, simulate(*case, fast=False)) == []


class Rounded(LinearStepTime):
    """Rows cost by fours, as with captured graphs: a step's time isn't a sum over its rows."""

    def fixed_ps(self, tokens: int, rows: int) -> int:
        return super().fixed_ps(tokens, -(-rows // 4) * 4)


def test_what_is_not_covered_is_left_to_python() -> None:
    if not is_installed():
        missing("numba")
    few = traffic(20)
    far = Retry(attempts=60)
    late = replace(few, retry=far)
    assert run(few, BatchPolicy(blocks=100), TIME) is None
    assert run(few, Policy(blocks=100), Rounded(100, row_ps=2)) is None
    assert run(late, Policy(blocks=100), TIME) is None
    assert (
        difference(
            simulate(few, Policy(blocks=100), Rounded(100, row_ps=2), compiled=True),
            simulate(few, Policy(blocks=100), Rounded(100, row_ps=2), fast=False),
        )
        == []
    )


def test_times_that_could_overflow_are_left_to_python() -> None:
    workload = Workload.of_columns(*(np.array(values) for values in ([0, 2**62], [4, 4], [2, 2])))
    if not is_installed():
        missing("numba")
    assert run(workload, Policy(blocks=100), TIME) is None
    assert simulate(workload, Policy(blocks=100), TIME, compiled=True).finish_ps[1] > 2**62


@pytest.mark.parametrize("size", [20, 20_000])
def test_a_small_workload_never_imports_numba(size: int) -> None:
    script = (
        "import sys; from tests.engine.compiled.test_run import *; "
        f"simulate(traffic({size}), Policy(blocks=100), TIME); print('numba' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"

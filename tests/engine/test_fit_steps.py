"""A step time from recorded steps: what made the steps is found again."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops.engine.errors import TooFewPoints
from finops.engine.executor import StepTime
from finops.engine.fit_steps import FittedStepTime, MeasuredStep, fit_steps, not_negative
from finops.engine.policy import Policy
from finops.engine.result import Floats
from finops.engine.simulate import simulate
from finops.engine.workload import Request, Workload

# 10 ms for one token, 6 more for a second, then 1 ms each up to 8 and 2 ms each from there on.
TRUE = FittedStepTime(
    first_ps=10 * 10**9,
    knots=(1, 2, 4, 8, 16, 32),
    slopes=(6 * 10**9, 10**9, 10**9, 2 * 10**9, 2 * 10**9, 2 * 10**9),
    row_ps=3 * 10**8,
    kv_ps=5 * 10**6,
    pair_ps=10**6,
)


def seconds(time: StepTime, step: MeasuredStep) -> float:
    fixed = time.fixed_ps(step.tokens, step.rows)
    return (fixed + time.kv_ps * step.kv + time.pair_ps * step.pairs) / 1e12


def recorded(time: StepTime, count: int, noise: float = 0.0) -> list[MeasuredStep]:
    """Steps of one to ten rows, a chunk of a prompt among every third."""
    rng = np.random.default_rng(5)
    steps = []
    for at in range(count):
        rows, chunk = int(rng.integers(1, 11)), int(rng.integers(2, 60)) if at % 3 == 0 else 1
        kv = int(rng.integers(rows, 900))
        pairs = chunk * int(rng.integers(0, 50)) + chunk * (chunk + 1) // 2 if chunk > 1 else 0
        step = MeasuredStep(rows - 1 + chunk, rows, kv, pairs, 0.0)
        factor = rng.lognormal(0.0, noise) / np.exp(noise**2 / 2)
        steps.append(replace(step, seconds=seconds(time, step) * factor))
    return steps


def test_the_time_of_a_step_goes_up_the_ramps() -> None:
    assert TRUE.fixed_ps(1, 1) == 10_300_000_000
    assert TRUE.fixed_ps(2, 2) == 16_600_000_000
    # 10 + 6 + 6 × 1 + 32 × 2 ms, and a row.
    assert TRUE.fixed_ps(40, 1) == 86_300_000_000


def test_what_made_the_steps_is_found_again() -> None:
    found = fit_steps(recorded(TRUE, 400))
    assert found.knots == TRUE.knots
    assert found.first_ps == pytest.approx(TRUE.first_ps, rel=1e-4)
    assert found.slopes == pytest.approx(TRUE.slopes, rel=1e-4)
    assert (found.row_ps, found.kv_ps) == pytest.approx((TRUE.row_ps, TRUE.kv_ps), rel=1e-4)
    assert found.pair_ps == pytest.approx(TRUE.pair_ps, rel=1e-3)


def test_noise_does_not_make_predictions_lower() -> None:
    steps = recorded(TRUE, 3_000, noise=0.4)
    found = fit_steps(steps)
    predicted = sum(seconds(found, step) for step in steps)
    # 0.4 of spread over 3,000 steps: the mean is known to 0.7 %; weights by the measured time would
    # take 15 % off.
    assert predicted == pytest.approx(sum(step.seconds for step in steps), rel=0.02)


def test_steps_that_are_all_alike_are_predicted_as_they_were() -> None:
    steps = [MeasuredStep(1, 1, 100, 0, 0.02)] * 60
    assert seconds(fit_steps(steps), steps[0]) == pytest.approx(0.02)


def test_a_fitted_time_runs_the_simulator_fast_and_step_by_step_alike() -> None:
    time = fit_steps(recorded(TRUE, 400, noise=0.1))
    load = Workload.of([Request(at * 4 * 10**10, 5 + at, 20) for at in range(30)])
    policy = Policy(blocks=60, max_seqs=8, max_tokens=32)
    fast, plain = (simulate(load, policy, time, fast=fast) for fast in (True, False))
    assert fast.finish_ps.tolist() == plain.finish_ps.tolist()


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ([MeasuredStep(1, 1, 1, 0, 0.1)] * 49, "50 recorded steps or more, not 49"),
        ([MeasuredStep(1, 1, 1, 0, 0.0)] * 50, "must have taken some time"),
    ],
)
def test_too_little_is_refused(steps: list[MeasuredStep], says: str) -> None:
    with pytest.raises(TooFewPoints, match=says):
        fit_steps(steps)


def off(parts: Floats, goal: Floats, x: Floats) -> float:
    return float(np.sum((parts @ x - goal) ** 2))


@given(st.integers(0, 2**30), st.integers(1, 5))
def test_no_choice_of_columns_is_better(seed: int, columns: int) -> None:
    """The best x ≥ 0 is the plain least squares of some columns: all choices are tried."""
    rng = np.random.default_rng(seed)
    parts, goal = rng.normal(size=(12, columns)), rng.normal(size=12)
    found = not_negative(parts, goal)
    assert found.min() >= 0.0
    best = off(parts, goal, np.zeros(columns))
    for size in range(1, columns + 1):
        for chosen in map(list, combinations(range(columns), size)):
            x = np.zeros(columns)
            x[chosen] = np.linalg.lstsq(parts[:, chosen], goal, rcond=None)[0]
            if x.min() >= 0.0:
                best = min(best, off(parts, goal, x))
    assert off(parts, goal, found) <= best + 1e-9

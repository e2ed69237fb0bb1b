"""Fitting to a run: what is known comes back, and the other half is never looked at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from finops.engine.constants import Constants
from finops.engine.errors import TooFewPoints
from finops.engine.observed.compare import compare
from finops.engine.observed.course import Course
from finops.engine.observed.fit import RunFit, fit_run
from finops.engine.observed.replay import replay_steps, replayed_times, shared
from finops.engine.observed.run import Calls, Run, SeenBy, Setup, Times, run_of
from finops.engine.policy import Policy
from tests.engine.observed.recorded import LLAMA, QWEN, deployed

TRUTH = Constants(
    memory=0.8, compute=0.6, kv=0.6, step_us=2_000, layer_us=60, row_us=60, request_us=20_000
)
POLICY = Policy(20_000, max_seqs=16, max_tokens=512)


def pretend(
    setup: Setup,
    seen_by: SeenBy = SeenBy.ENGINE,
    name: str = LLAMA,
    longer: int = 1,
    size: int = 120,
) -> Run:
    """Requests as a deployment with the constants above would serve them; prompts × `longer`."""
    rng = np.random.default_rng(5)
    nothing = np.full(size, np.nan)
    calls = Calls(
        np.sort(rng.random(size) * 24),
        rng.integers(20, 900, size) * longer,
        rng.integers(2, 120, size),
        ttft_s=nothing,
        e2e_s=nothing,
    )
    run = run_of(calls, setup, seen_by)
    result, _ = replay_steps(run, POLICY, deployed(name), TRUTH)
    return replace(run, times=replayed_times(run, result, TRUTH))


def means(fit: RunFit, run: Run) -> dict[str, float]:
    """Errors of the means of the half that wasn't fitted to."""
    rows = compare(fit.simulated, run.times, ~fit.fitted)
    return {row.metric: abs(row.error) for row in rows if row.statistic == "mean"}


@pytest.mark.parametrize("setup", [Setup(), Setup(overlap=True)])
def test_constants_of_the_first_half_predict_the_second(setup: Setup) -> None:
    run = pretend(setup)
    fit = fit_run(run, POLICY, deployed(LLAMA))
    assert fit.fitted.tolist() == [True] * 60 + [False] * 60
    off = means(fit, run)
    assert off["ttft"] < 0.05
    assert off["tpot"] < 0.02
    assert off["e2e"] < 0.02


def test_ranks_in_lockstep_are_fitted_too() -> None:
    run = pretend(Setup(ranks=2, expert_parallel=True, overlap=True), name=QWEN)
    off = means(fit_run(run, POLICY, deployed(QWEN)), run)
    assert off["ttft"] < 0.05
    assert off["e2e"] < 0.02


def test_the_time_of_the_front_end_is_found_where_a_client_measured() -> None:
    run = pretend(Setup(), SeenBy.CLIENT)
    fit = fit_run(run, POLICY, deployed(LLAMA))
    assert fit.constants.request_us == pytest.approx(20_000, rel=0.3)
    assert means(fit, run)["ttft"] < 0.05


def test_how_slowly_mixed_steps_read_is_found_among_the_values_given() -> None:
    run = pretend(Setup(mixed_kv=4.0), longer=8, size=50)
    unknown = replace(run, setup=Setup())
    fit = fit_run(unknown, POLICY, deployed(LLAMA), mixed_kvs=(1.0, 4.0))
    assert fit.setup == Setup(mixed_kv=4.0)
    assert fit_run(unknown, POLICY, deployed(LLAMA)).setup == Setup()


def test_what_was_measured_of_other_requests_changes_nothing() -> None:
    run = pretend(Setup())
    late = np.arange(120) >= 60
    times = run.times
    wrong = Times(
        times.arrival_ps,
        times.scheduled_ps,
        np.where(late, times.first_ps * 3, times.first_ps),
        np.where(late, -1, times.finish_ps),
        times.output,
    )
    one = fit_run(run, POLICY, deployed(LLAMA))
    other = fit_run(replace(run, times=wrong), POLICY, deployed(LLAMA))
    assert one.constants == other.constants


def test_a_fit_to_durations_alone_is_possible() -> None:
    # Calls captured without streaming have no first token.
    run = pretend(Setup())
    nothing = np.full(120, -1)
    times = Times(run.times.arrival_ps, nothing, nothing, run.times.finish_ps, run.times.output)
    fit = fit_run(replace(run, times=times), POLICY, deployed(LLAMA))
    assert means(fit, run)["e2e"] < 0.02


def test_too_few_measured_requests_are_refused() -> None:
    run = pretend(Setup())
    with pytest.raises(TooFewPoints, match="Only 3 of the chosen requests"):
        fit_run(run, POLICY, deployed(LLAMA), chosen=np.arange(120) < 3)


@pytest.mark.parametrize(
    "setup", [Setup(mixed_kv=2.0), Setup(ranks=2, expert_parallel=True, overlap=True)]
)
def test_a_course_predicts_what_its_own_simulation_measured(setup: Setup) -> None:
    name = QWEN if setup.ranks > 1 else LLAMA
    run = pretend(setup, name=name)
    result, steps = replay_steps(run, POLICY, deployed(name), TRUTH)
    everybody = np.ones(120, np.bool_)
    course = Course.of(steps, Times.of(result), everybody)
    found = course.predict(shared(deployed(name), setup), TRUTH, setup.mixed_kv, 1.0)
    seen = Times.of(result).series()
    assert found["ttft"] == pytest.approx(seen["ttft"] + 1.0, rel=1e-6)
    assert found["tpot"] == pytest.approx(seen["tpot"], rel=1e-6)
    assert found["e2e"] == pytest.approx(seen["e2e"] + 1.0, rel=1e-6)


def test_requests_that_no_cache_holds_are_refused() -> None:
    run = pretend(Setup())
    with pytest.raises(TooFewPoints, match="longer than the KV cache"):
        fit_run(run, replace(POLICY, blocks=1), deployed(LLAMA))

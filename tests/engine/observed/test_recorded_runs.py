"""The bar: both public runs within 10 %, fitted to their first halves only."""

from __future__ import annotations

import pytest

from finops.engine.observed.compare import compare, worst
from finops.engine.observed.replay import policy_of
from tests.bench.engine_runs import fit_recorded
from tests.engine.observed.recorded import LLAMA, QWEN, deployed, recorded


@pytest.mark.soak
@pytest.mark.parametrize("name", [LLAMA, QWEN])
def test_a_fit_to_the_first_half_of_a_real_run_predicts_it_within_ten_percent(name: str) -> None:
    run, fit = fit_recorded(name)
    assert worst(compare(fit.simulated, run.times)) < 0.10
    assert worst(compare(fit.simulated, run.times, ~fit.fitted)) < 0.10


@pytest.mark.parametrize("name", [LLAMA, QWEN])
def test_everything_that_was_recorded_fits_into_memory(name: str) -> None:
    run = recorded(name)
    policy = policy_of(run.setup, deployed(name))
    longest = int((run.workload.prompt + run.workload.output).max())
    assert policy.blocks * policy.block_size > longest * policy.max_seqs // 2

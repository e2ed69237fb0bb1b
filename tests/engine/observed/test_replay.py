"""A replay uses the run's arrivals and settings, and its times are those of who measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from finops.engine.constants import Constants
from finops.engine.errors import InvalidPolicy
from finops.engine.observed.compare import Row, compare, deviations, worst
from finops.engine.observed.replay import policy_of, replay, replayed_times, shared
from finops.engine.observed.run import Calls, InvalidRun, Run, SeenBy, Setup, Times, run_of
from finops.engine.policy import Policy
from finops.engine.result import percentiles
from finops.engine.simulate import simulate
from finops.engine.step_time import SimulatedExecutor
from tests.engine.drawn import difference
from tests.engine.observed.recorded import LLAMA, QWEN, deployed

AT = deployed(LLAMA)
POLICY = Policy(1000, max_seqs=8, max_tokens=256)


def drawn_run(setup: Setup, seen_by: SeenBy = SeenBy.ENGINE) -> Run:
    """Forty requests in twenty seconds, nothing measured."""
    rng = np.random.default_rng(3)
    nothing = np.full(40, np.nan)
    calls = Calls(
        np.sort(rng.random(40) * 20),
        rng.integers(1, 900, 40),
        rng.integers(1, 60, 40),
        ttft_s=nothing,
        e2e_s=nothing,
    )
    return run_of(calls, setup, seen_by)


def test_without_overlap_on_one_rank_a_replay_is_a_plain_simulation() -> None:
    run = drawn_run(Setup())
    plain = simulate(run.workload, POLICY, SimulatedExecutor(AT, Constants()))
    assert difference(replay(run, POLICY, AT, Constants()), plain) == []


def test_overlap_delays_first_tokens() -> None:
    plain = replay(drawn_run(Setup()), POLICY, AT, Constants())
    late = replay(drawn_run(Setup(overlap=True)), POLICY, AT, Constants())
    assert late.ttft_s().mean() > plain.ttft_s().mean()


def test_only_a_client_sees_the_time_of_the_front_end() -> None:
    constants = Constants(request_us=30_000)
    run = drawn_run(Setup())
    result = replay(run, POLICY, AT, constants)
    engine = replayed_times(run, result, constants).series()
    client = replayed_times(replace(run, seen_by=SeenBy.CLIENT), result, constants).series()
    assert client["ttft"] - engine["ttft"] == pytest.approx(0.03)
    assert client["e2e"] - engine["e2e"] == pytest.approx(0.03)
    assert client["queue"] == pytest.approx(engine["queue"])
    assert np.allclose(client["tpot"], engine["tpot"], equal_nan=True)


def test_ranks_that_share_experts_are_one_deployment_and_others_are_refused() -> None:
    pair = Setup(ranks=2, expert_parallel=True)
    assert shared(deployed(QWEN), pair).tp == 2
    assert shared(AT, Setup()) == AT
    with pytest.raises(InvalidPolicy, match="replicas of their own"):
        replay(drawn_run(Setup(ranks=2)), POLICY, AT, Constants())


def test_settings_become_a_policy_with_the_blocks_that_fit() -> None:
    setup = Setup(max_seqs=128, max_tokens=2048, prefix_cache=False, max_model_len=9000)
    policy = policy_of(setup, AT)
    assert policy.blocks == AT.kv_blocks(16, 0.9)
    assert (policy.max_seqs, policy.max_tokens, policy.max_model_len) == (128, 2048, 9000)
    assert not policy.prefix_cache
    mixture = deployed(QWEN)
    pair = Setup(ranks=2, expert_parallel=True)
    assert policy_of(pair, mixture).blocks == replace(mixture, tp=2).kv_blocks(16, 0.9) // 2
    with pytest.raises(InvalidPolicy, match="doesn't fit"):
        policy_of(Setup(memory_share=0.01), AT)


def test_a_comparison_counts_requests_that_both_sides_know() -> None:
    def times(first: list[int], finish: list[int]) -> Times:
        came = np.zeros(3, np.int64)
        rows = [np.array(column, np.int64) * 10**12 for column in (first, finish)]
        rows = [np.where(column < 0, -1, column) for column in rows]
        return Times(came, came - 1, rows[0], rows[1], np.array([3, 2, 1], np.int64))

    measured, simulated = times([1, 2, -1], [5, 4, 6]), times([2, 2, 1], [5, 8, -1])
    rows = {(row.metric, row.statistic): row for row in compare(simulated, measured)}
    assert rows["ttft", "mean"] == Row("ttft", "mean", 1.5, 2.0)
    assert rows["ttft", "mean"].error == pytest.approx(1 / 3)
    assert rows["e2e", "p50"] == Row("e2e", "p50", 4.5, 6.5)
    assert rows["tpot", "mean"] == Row("tpot", "mean", 2.0, 3.75)  # (4/2 + 2/1)/2, (3/2 + 6/1)/2
    assert ("queue", "mean") not in rows
    assert deviations(simulated, measured)["ttft"].tolist() == [1.0, 0.0]
    chosen = np.array([False, True, True])
    assert worst(compare(simulated, measured, chosen)) == pytest.approx(2.0)  # 6 ÷ 2 − 1 of tpot
    assert len(compare(simulated, measured)) == 3 * len(percentiles(np.ones(2)))
    assert Row("queue", "mean", 0.0, 1.0).error == float("inf")
    assert Row("queue", "mean", 0.0, 0.0).error == 0.0


def test_cached_tokens_without_hashes_are_not_computed_again() -> None:
    two = np.array([1.0, 0.0])
    calls = Calls(two, np.array([100, 50]), np.array([5, 5]), two, two, cached=np.array([99, 50]))
    run = run_of(calls)
    assert run.workload.prompt.tolist() == [1, 1]  # sorted by arrival, and never nothing
    assert run.workload.arrival_ps.tolist() == [0, 10**12]
    with_hashes = run_of(replace(calls, hashes=[(1, 2), (3,)]))
    assert with_hashes.workload.prompt.tolist() == [50, 100]


def test_a_run_of_many_days_has_its_times_in_another_unit() -> None:
    lengths, never = np.array([5, 5]), np.full(2, np.nan)
    with pytest.raises(InvalidRun, match="are its times in seconds"):
        run_of(Calls(np.array([0.0, 1e9]), lengths, lengths, never, never))


def test_a_run_of_nothing_is_refused() -> None:
    none = np.zeros(0)
    with pytest.raises(InvalidRun, match="nothing to replay"):
        run_of(Calls(none, none.astype(np.int64), none.astype(np.int64), none, none))


def test_the_first_half_is_the_earlier_one() -> None:
    assert drawn_run(Setup()).first_half().tolist() == [True] * 20 + [False] * 20

"""Intervals: bounds worked by hand, and coverage on measured points that no fit has seen."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from finops.engine.catalogue import load
from finops.engine.constants import Constants
from finops.engine.deployment import Deployment
from finops.engine.errors import InvalidPolicy, InvalidProfile
from finops.engine.fit_profile import without_points
from finops.engine.intervals import Interval, predict, predict_workload
from finops.engine.points import Point
from finops.engine.policy import Policy
from finops.engine.profile import METRICS, ProfileRecord, Seen, Spread
from finops.engine.read_points import Group
from finops.engine.spreads import (
    expected_by,
    expected_spread,
    observed_spread,
    pooled_bound,
    spreads,
)
from finops.engine.workload import Workload, closed_loop
from tests.bench.engine import POINTS, PRIOR, read_groups
from tests.bench.engine_intervals import (
    covered_by_half,
    covered_by_others,
    residuals_of,
    start_for,
)

CATALOGUE = load()
AT = Deployment(CATALOGUE.model("llama-3.1-8b"), CATALOGUE.gpu("h100"))


def record(low: float = -0.1, high: float = 0.2) -> ProfileRecord:
    """A profile with the engine's own constants, and one spread for all metrics."""
    return replace(
        without_points(AT, "now"),
        seen=Seen(12, (4, 64), (256, 1024), (64, 256), (1, 2)),
        spread={metric: Spread(low, high) for metric in METRICS},
    )


def test_of_nine_residuals_the_bounds_are_the_first_and_the_last() -> None:
    ranked = np.arange(9.0)
    assert observed_spread(np.random.default_rng(0).permutation(ranked)) == Spread(0.0, 8.0)
    assert observed_spread(ranked[:8]) is None
    assert observed_spread(np.array([*ranked, np.nan])) == Spread(0.0, 8.0)


def test_of_nineteen_residuals_one_is_beyond_either_bound() -> None:
    # ⌊0.1 × 20⌋ = 2 and ⌈0.9 × 20⌉ = 18: the second and the last but one.
    assert observed_spread(np.arange(19.0)) == Spread(1.0, 17.0)


def test_observed_bounds_hold_four_of_five_new_draws() -> None:
    rng, held = np.random.default_rng(7), []
    for _ in range(400):
        draws = rng.normal(size=15)
        spread = observed_spread(draws[:14])
        assert spread is not None
        held.append(spread.low <= draws[14] <= spread.high)
    # ⌊1.5⌋ = 1 and ⌈13.5⌉ = 14: the ends, so 13 of 15.
    assert np.mean(held) == pytest.approx(13 / 15, abs=0.05)


def test_groups_count_alike_in_a_pooled_bound_however_many_points_they_have() -> None:
    few, many = np.full(4, 1.0), np.full(400, -0.1)
    once = pooled_bound([few, many])
    assert once == pytest.approx(math.sqrt(1.5) * 1.0)
    assert pooled_bound([few, np.full(4, -0.1)]) == pytest.approx(once)


def test_a_spread_is_that_of_the_next_lower_number_of_points() -> None:
    known = spreads().dense
    assert expected_spread(4, AT)["tpot"].high == known["3"]["tpot"]
    assert expected_spread(100, AT)["tpot"].high == known["8"]["tpot"]
    assert expected_spread(0, AT)["ttft"].low == -known["0"]["ttft"]


def test_on_a_gpu_that_nothing_was_measured_on_less_is_known() -> None:
    other = replace(AT, gpu=CATALOGUE.gpu("l40s"))
    assert expected_spread(0, other)["tpot"].high >= 0.29 > expected_spread(0, AT)["tpot"].high
    assert "the GPU is none of h100_sxm" in expected_by(0, other)
    assert expected_spread(3, other) == expected_spread(3, AT)


def test_sums_over_a_link_that_nothing_was_measured_on_widen_the_interval() -> None:
    alone = replace(AT, gpu=CATALOGUE.gpu("rtx_4090"))
    two = replace(alone, tp=2)
    assert expected_spread(0, two)["e2e"].high >= 0.48 > expected_spread(0, alone)["e2e"].high
    assert "no serving was measured over pcie" in expected_by(0, two)
    assert expected_spread(3, two) == expected_spread(3, alone)
    assert expected_spread(0, replace(AT, tp=2)) == expected_spread(0, AT)


def test_an_interval_is_the_prediction_times_the_bounds() -> None:
    said = predict(record(), Point(AT, 16, 512, 128))
    for interval in (said.ttft_s, said.tpot_s, said.e2e_s):
        assert interval.low == pytest.approx(interval.value * math.exp(-0.1))
        assert interval.high == pytest.approx(interval.value * math.exp(0.2))
        assert interval.holds(interval.value)
        assert not interval.holds(interval.high * 1.01)
    assert said.e2e_s.value == pytest.approx(said.ttft_s.value + 127 * said.tpot_s.value)
    assert said.notes == ()


def test_tokens_per_second_are_at_most_as_many_as_the_shortest_time_allows() -> None:
    said = predict(record(), Point(AT, 16, 512, 128))
    speed = said.output_tokens_per_s
    assert speed.value == pytest.approx(16 * 128 / said.e2e_s.value)
    assert speed.high == pytest.approx(16 * 128 / said.e2e_s.low)
    assert speed.low == pytest.approx(16 * 128 / said.e2e_s.high)


@pytest.mark.parametrize(
    ("point", "reach", "said"),
    [
        (Point(AT, 128, 512, 128), math.log(2), "128 clients are outside"),
        (Point(AT, 1, 512, 128), math.log(4), "1 clients are outside"),
        (Point(AT, 16, 4096, 128), math.log(4), "4096 prompt tokens are outside"),
        (Point(AT, 16, 512, 32), math.log(2), "32 output tokens are outside"),
        (Point(replace(AT, tp=8), 16, 512, 128), math.log(4), "tp 8 wasn't measured"),
    ],
)
def test_outside_of_what_was_measured_an_interval_is_wider_and_says_so(
    point: Point, reach: float, said: str
) -> None:
    found = predict(record(), point)
    assert [note for note in found.notes if said in note]
    wider = 1 + spreads().beyond["tpot"] * reach
    assert math.log(found.tpot_s.high / found.tpot_s.value) == pytest.approx(0.2 * wider)


def test_without_points_there_is_an_interval_and_a_note_but_no_range_to_leave() -> None:
    found = predict(without_points(AT, "now"), Point(AT, 1000, 9000, 9))
    assert found.notes == (
        "Nothing was measured on this deployment: the interval is that of others.",
    )
    assert math.log(found.tpot_s.high / found.tpot_s.value) == pytest.approx(
        spreads().dense["0"]["tpot"]
    )


def test_another_deployment_is_refused_with_what_differs() -> None:
    with pytest.raises(InvalidProfile, match="gpu, weights differs"):
        predict(record(), Point(replace(AT, gpu=CATALOGUE.gpu("h200"), weights="fp8"), 1, 10, 10))


def test_a_request_that_the_cache_does_not_hold_is_not_predicted() -> None:
    with pytest.raises(InvalidPolicy, match="A request of 9,000,009 tokens doesn't fit"):
        predict(without_points(AT, "now"), Point(AT, 1, 9_000_000, 9))


def test_a_workload_in_a_closed_loop_is_predicted_as_the_point_is() -> None:
    sizes = np.full(160, 512), np.full(160, 128)
    said = predict_workload(record(), closed_loop(*sizes, 16), Policy(AT.kv_blocks()))
    point = predict(record(), Point(AT, 16, 512, 128))
    assert said.latencies["tpot"]["mean"].value == pytest.approx(point.tpot_s.value, rel=0.01)
    assert said.latencies["ttft"]["mean"].value == pytest.approx(point.ttft_s.value, rel=0.01)
    assert said.output_tokens_per_s.holds(point.output_tokens_per_s.value)
    assert said.notes == ()


def test_near_saturation_a_queue_is_less_sure_than_a_step() -> None:
    arrivals = np.cumsum(np.random.default_rng(0).exponential(1e12 / 30, 600)).astype(np.int64)
    lengths = np.full(600, 512), np.full(600, 128)
    workload = Workload.of_columns(arrivals, *lengths)
    said = predict_workload(record(), workload, Policy(AT.kv_blocks(), max_seqs=32))

    def width(interval: Interval) -> float:
        return math.log(interval.high / interval.low)

    assert width(said.latencies["tpot"]["mean"]) == pytest.approx(0.3, abs=0.05)
    assert width(said.latencies["ttft"]["p99"]) > 0.6


GROUPS = read_groups(POINTS)
DENSE = [group for group in GROUPS if not group.is_mixture]
COVERAGE = (0.70, 0.92)


@cache
def unseen_start(group: Group) -> Constants:
    """Constants that have seen nothing of the group's model and GPU."""
    return start_for(group, GROUPS)


@pytest.mark.parametrize("count", [0, 3])
def test_expected_intervals_hold_four_of_five_points_of_groups_they_dont_know(count: int) -> None:
    found = {group: residuals_of(group, unseen_start(group), count, draws=1) for group in DENSE}
    for metric in (1, 2):
        shares = covered_by_others(found, False, metric)
        assert COVERAGE[0] <= np.mean([share for share, _ in shares.values()]) <= COVERAGE[1]
        assert max(bound for _, bound in shares.values()) < 0.45


def test_calibrated_intervals_hold_four_of_five_points_that_were_kept_apart() -> None:
    (group,) = (group for group in DENSE if group.engine == "vllm")
    for metric, column in enumerate(covered_by_half(group, PRIOR)):
        held, width = np.array(column, np.float64).T
        # Of 30 points, 80 % are 24; 70 to 100 % are as many as chance allows.
        assert COVERAGE[0] <= held.mean()
        assert np.median(width) < (0.4 if metric == 0 else 0.2)


def test_a_profile_predicts_however_experts_are_dealt_out() -> None:
    at = Deployment(CATALOGUE.model("qwen3-30b-a3b"), CATALOGUE.gpu("h100"), tp=4)
    known = replace(record(), deployment=at)
    sliced, whole = (
        predict(known, Point(replace(at, ep=ep), 1, 512, 64)).tpot_s.value for ep in (1, 4)
    )
    assert sliced < whole < 1.5 * sliced

"""Fitting constants: what is known comes back, little is asked for, and nothing is invented."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

from finops.engine.calibrate import Measured, Profile, calibrate, errors
from finops.engine.catalogue import load
from finops.engine.constants import Constants, constants_for
from finops.engine.deployment import Deployment
from finops.engine.errors import TooFewPoints
from finops.engine.fit_engines import fit_engines
from finops.engine.least_squares import least_squares
from finops.engine.points import Point
from finops.engine.policy import Policy
from finops.engine.read_points import read_points
from finops.engine.simulate import simulate
from finops.engine.step_time import SimulatedExecutor
from finops.engine.workload import closed_loop
from tests.bench.engine import POINTS, fit_groups, read_groups

CATALOGUE = load()
AT = Deployment(CATALOGUE.model("llama-3.1-8b"), CATALOGUE.gpu("h100"))
TRUTH = Constants(
    memory=0.7,
    compute=0.6,
    kv=0.6,
    link=0.2,
    step_us=900,
    layer_us=60,
    row_us=40,
    allreduce_us=12,
    request_us=30_000,
    door_us=4_000,
    token_us=40,
)


def pretend(truth: Constants, at: Deployment = AT, held: int = 0) -> list[Point]:
    """Points as a deployment with these constants would show them."""
    shapes = [(n, isl, osl) for n in (1, 4, 24) for isl, osl in ((64, 40), (900, 30), (300, 90))]
    points = [Point(at, n, isl, osl, spread=0.2, held_back=held) for n, isl, osl in shapes]
    blank = [replace(point, ttft_s=1.0, tpot_s=1.0) for point in points]
    figures = np.exp(Measured(blank).logs(truth))
    return [
        replace(point, ttft_s=float(ttft), tpot_s=float(tpot), held_back=0)
        for point, (ttft, tpot) in zip(points, figures, strict=True)
    ]


def test_a_prediction_is_what_the_simulation_measures() -> None:
    point = Point(AT, clients=4, prompt=700, output=50, ttft_s=1.0, tpot_s=1.0, budget=512)
    ttft, tpot = np.exp(Measured([point]).logs(TRUTH))[0]
    lengths = (np.full(40, 700), np.full(40, 50))
    policy = Policy(AT.kv_blocks(), max_seqs=4, max_tokens=512, prefix_cache=False)
    seen = simulate(closed_loop(*lengths, 4), policy, SimulatedExecutor(AT, TRUTH))
    assert ttft == pytest.approx(seen.ttft_s().mean() + 0.030, rel=1e-5)
    assert tpot == pytest.approx(seen.tpot_s().mean(), rel=1e-5)


@pytest.mark.parametrize("held", [0, 1])
def test_a_fit_predicts_points_that_it_has_not_seen(held: int) -> None:
    points = pretend(TRUTH, held=held)
    profile = calibrate(points[::2])
    found = errors(points[1::2], profile)
    assert profile.held_back == held
    # Five points don't outweigh the start, which is further from the truth than the weight of a
    # start was chosen for; that is what is left, not the grid of tokens. Twenty do.
    assert found.tpot_mean < 0.04
    assert found.tpot_median < 0.01
    assert found.ttft_mean < 0.06
    assert errors(points[1::2], Profile(Constants())).tpot_mean > 5 * found.tpot_mean
    more = errors(points[1::2], calibrate(points[::2] * 4))
    assert more.tpot_mean < 0.02
    assert more.ttft_mean < 0.02


def test_three_points_move_a_prediction_towards_the_truth() -> None:
    points = pretend(TRUTH)
    three = [points[0], points[4], points[8]]
    rest = [point for point in points if point not in three]
    before, after = errors(rest, Profile(Constants())), errors(rest, calibrate(three))
    assert after.tpot_mean < before.tpot_mean / 3


def test_what_the_points_say_nothing_about_stays_where_it_was() -> None:
    start = Constants()
    fitted = calibrate(pretend(TRUTH), start).constants
    assert fitted.link == pytest.approx(start.link)
    assert fitted.allreduce_us == pytest.approx(start.allreduce_us)


def test_one_outlier_does_not_rule() -> None:
    points = pretend(TRUTH)
    spoilt = [replace(points[0], tpot_s=10 * (points[0].tpot_s or 0)), *points[1:]]
    assert errors(points[1:], calibrate(spoilt)).tpot_mean < 0.05


def test_a_figure_that_was_not_measured_is_left_out() -> None:
    points = [replace(point, ttft_s=None) for point in pretend(TRUTH)]
    found = errors(points, calibrate(points))
    assert found.tpot_mean < 0.02
    assert np.isnan(found.ttft_mean)


def test_what_an_engine_lets_wait_is_part_of_the_first_token() -> None:
    at_once = Point(AT, clients=4, prompt=64, output=1_000, ttft_s=1.0, tpot_s=1.0)
    (now, step), (later, _) = np.exp(
        Measured([at_once, replace(at_once, wait_steps=20)]).logs(replace(TRUTH, request_us=1))
    )
    # 36 of 40 requests come after another has ended, and wait for 20 steps.
    assert later - now == pytest.approx(0.9 * 20 * step, rel=0.02)


def test_clients_wait_for_a_front_end_that_serves_one_after_the_other() -> None:
    point = Point(AT, clients=64, prompt=64, output=100, ttft_s=1.0, tpot_s=1.0)
    slow = replace(TRUTH, door_us=20_000, token_us=300)
    ttft, tpot = np.exp(Measured([point]).logs(slow))[0]
    # Each request occupies it for 20 ms and 100 × 0.3 ms.
    assert ttft + 99 * tpot == pytest.approx(64 * 0.050, rel=0.01)
    quick = np.exp(Measured([point]).logs(TRUTH))[0]
    assert tpot == quick[1]
    assert quick[0] < ttft / 5


def test_engines_share_the_physics_and_keep_their_own_overheads() -> None:
    slow = replace(TRUTH, layer_us=400)
    points = {"quick": pretend(TRUTH)[:6], "slow": pretend(slow)[3:]}
    common, engines = fit_engines(points, Constants())
    assert engines["quick"].layer_us < common.layer_us < engines["slow"].layer_us
    unseen = {"quick": pretend(TRUTH)[6:], "slow": pretend(slow)[:3]}
    for name, rest in unseen.items():
        own = errors(rest, Profile(engines[name])).tpot_mean
        assert own < 0.5 * errors(rest, Profile(common)).tpot_mean


def test_an_l4_with_int8_weights_can_be_calibrated_though_nobody_measured_its_products() -> None:
    at = Deployment(CATALOGUE.model("qwen2.5-7b"), CATALOGUE.gpu("l4"), weights="int8")
    points = pretend(TRUTH, at)
    fitted = calibrate([points[0], points[4], points[8]])
    assert errors(points, fitted).tpot_mean < 0.1
    SimulatedExecutor(at, fitted.constants)


def test_without_any_figure_there_is_no_calibration() -> None:
    with pytest.raises(TooFewPoints, match="at least one"):
        calibrate([Point(AT, 1, 10, 10)])


def test_fitting_twice_gives_the_same() -> None:
    points = pretend(TRUTH)
    assert asdict(calibrate(points)) == asdict(calibrate(points))


def test_least_squares_finds_the_bottom_of_a_bent_valley() -> None:
    found = least_squares(
        lambda at: np.array([1 - at[0], 10 * (at[1] - at[0] ** 2)]), np.array([-1.2, 1.0])
    )
    assert found.tolist() == pytest.approx([1.0, 1.0], abs=1e-6)


CSV = """gpu,model,precision,engine,tp,attn_dp,batch_or_concurrency,isl,osl,ttft_ms,tpot_ms,kind
h100_sxm,meta-llama/Llama-3.1-8B-Instruct,,trtllm 1.0.0rc3,2.0,1,16,1024,128,80,6.5,closed-loop
h200_sxm,meta-llama/Llama-3.1-70B,fp8,vllm nan,4,1,8,1024,128,,11,closed-loop concurrency
h200_sxm,Qwen/Qwen3-235B-A22B-FP8,fp8,vllm 0.12.0,1,1,9,2000,500,100,10,closed-loop
h200_sxm,nobody/knows-it,fp8,vllm,1,1,9,2000,500,100,10,closed-loop
h200_sxm,meta-llama/Llama-3.1-70B,fp8,vllm nan,4,4,8,1024,128,90,11,closed-loop
h200_sxm,meta-llama/Llama-3.1-70B,fp8,vllm nan,4,1,8,1024,128,90,11,static batch
h200_sxm,meta-llama/Llama-3.1-70B,fp8,vllm nan,4,1,,1024,128,90,11,closed-loop
"""
EP = """gpu,model,precision,engine,tp,ep,batch_or_concurrency,isl,osl,ttft_ms,tpot_ms
h200_sxm,Qwen/Qwen3-235B-A22B-FP8,fp8,vllm 0.12.0,4,4.0,9,2000,500,100,10
h200_sxm,Qwen/Qwen3-235B-A22B-FP8,fp8,vllm 0.12.0,4,,9,2000,500,100,10
h200_sxm,meta-llama/Llama-3.1-70B,fp8,vllm 0.12.0,4,4.0,8,1024,128,90,11
"""


def test_a_csv_is_read_and_what_cannot_be_used_is_counted_with_its_reason() -> None:
    groups, left_out = read_points(CSV.splitlines(), CATALOGUE)
    assert [(g.pair, g.engine, g.precision, len(g.points)) for g in groups] == [
        (("llama-3.1-8b", "h100_sxm"), "trtllm", "bf16", 1),
        (("llama-3.1-70b", "h200_sxm"), "vllm", "fp8", 1),
    ]
    assert groups[0].points[0].reserve
    assert groups[1].points[0].ttft_s is None
    assert groups[1].points[0].tpot_s == pytest.approx(0.011)
    assert groups[1].points[0].deployment.kv == "bf16"
    assert sorted(left_out.values()) == [1] * 5
    assert any("doesn't fit" in reason for reason in left_out)


def test_how_experts_were_dealt_out_is_read_for_mixtures() -> None:
    groups, left_out = read_points(EP.splitlines(), CATALOGUE)
    assert [[p.deployment.ep for p in group.points] for group in groups] == [[4, 1], [1]]
    assert not left_out


def test_a_fit_starts_from_the_constants_of_its_link() -> None:
    at = Deployment(AT.model, CATALOGUE.gpu("l40s"))
    fitted = calibrate(pretend(TRUTH, at)).constants  # on one GPU, which says nothing of sums
    assert fitted.allreduce_us == pytest.approx(constants_for("", link="pcie").allreduce_us)


@pytest.mark.soak
def test_the_constants_that_come_along_are_what_the_recorded_points_give() -> None:
    dense = [group for group in read_groups(POINTS) if not group.is_mixture]
    common, engines = fit_groups(dense)
    assert asdict(common) == pytest.approx(asdict(Constants()), rel=0.02)
    for engine, found in engines.items():
        assert asdict(found) == pytest.approx(asdict(constants_for(engine)), rel=0.02)

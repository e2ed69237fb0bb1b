"""A calibration's file: what is written is read, and what is wrong with it is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from finops.engine.calibrate import Profile
from finops.engine.catalogue import load
from finops.engine.constants import Constants
from finops.engine.deployment import Deployment
from finops.engine.errors import InvalidProfile, NeedsCalibration, TooFewPoints
from finops.engine.fit_profile import (
    cross_validate,
    deviations_of,
    fit_profile,
    residuals,
    without_points,
)
from finops.engine.intervals import predict
from finops.engine.points import Point
from finops.engine.profile import (
    ENGINE,
    Deviation,
    Habits,
    ProfileRecord,
    Seen,
    Spread,
    read_profile,
    write_profile,
)

CATALOGUE = load()
AT = Deployment(CATALOGUE.model("llama-3.1-8b"), CATALOGUE.gpu("h100"))
MIXTURE = Deployment(CATALOGUE.model("qwen3-30b-a3b"), CATALOGUE.gpu("h100"))
TRUTH = replace(Constants(), memory=0.75, layer_us=55.0, row_us=25.0, request_us=20_000.0)
CLIENTS = (1, 4, 16, 64)


def pretend(deployment: Deployment = AT, clients: tuple[int, ...] = CLIENTS) -> list[Point]:
    """Points that a server with the constants TRUTH would show."""
    profile = replace(record(), deployment=deployment, constants=TRUTH)
    return [seen(profile, Point(deployment, count, 512, 64)) for count in clients]


def seen(profile: ProfileRecord, point: Point) -> Point:
    said = predict(profile, point)
    return replace(point, ttft_s=said.ttft_s.value, tpot_s=said.tpot_s.value)


def record() -> ProfileRecord:
    even = {metric: Spread(-0.1, 0.2) for metric in ("ttft", "tpot", "e2e")}
    return ProfileRecord(
        deployment=AT,
        constants=TRUTH,
        held_back=1,
        habits=Habits(budget=4096, reserve=True),
        seen=Seen(3, (1, 64), (512, 512), (64, 64), (1, 2)),
        errors={"tpot": Deviation(3, 0.05, 0.04, 0.09)},
        held_out={},
        held_out_by="too few",
        spread=even,
        spread_by="by hand",
        sources=("points.csv",),
        made_at="2026-11-21T14:00:00+00:00",
    )


def test_a_profile_that_was_written_is_read_again(tmp_path: Path) -> None:
    write_profile(record(), tmp_path / "profile.json")
    assert read_profile(tmp_path / "profile.json") == record()
    assert [path.name for path in tmp_path.iterdir()] == ["profile.json"]


def test_a_profile_holds_its_shapes_and_leaves_out_what_they_dont_have(tmp_path: Path) -> None:
    write_profile(record(), tmp_path / "profile.json")
    content = json.loads((tmp_path / "profile.json").read_text())
    assert content["deployment"]["model"]["layers"] == 32
    assert "experts" not in content["deployment"]["model"]
    assert content["deployment"]["gpu"]["bandwidth_gb_s"] == AT.gpu.bandwidth_gb_s


def test_every_field_of_a_deployment_and_of_the_constants_is_kept(tmp_path: Path) -> None:
    at = Deployment(
        MIXTURE.model,
        CATALOGUE.gpu("mi300x"),
        weights="fp8",
        kv="fp8",
        tp=2,
        backend="vllm 0.19.0",
        pp=3,
        activations="bf16",
        attn_dp=4,
        shared_weights="int8",
        ep=5,
    )
    constants = Constants(**{f.name: 0.25 + i for i, f in enumerate(fields(Constants))})
    # Nothing is left at its default here, so what the file drops would come back as another value.
    for said in (at, constants):
        assert not [f.name for f in fields(said) if getattr(said, f.name) == f.default]
    path = tmp_path / "profile.json"
    write_profile(replace(record(), deployment=at, constants=constants), path)
    found, content = read_profile(path), json.loads(path.read_text())
    assert (found.deployment, found.constants) == (at, constants)
    assert content["deployment"].keys() == {f.name for f in fields(Deployment)}
    assert content["constants"].keys() == {f.name for f in fields(Constants)}


def drop(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda content: content.pop(name)


def put(*path: str, value: object) -> Callable[[dict[str, Any]], object]:
    def change(content: dict[str, Any]) -> None:
        for name in path[:-1]:
            content = content[name]
        content[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("schema", value="other/1"), "is not a profile"),
        (put("engine", value=ENGINE + 1), "calibrate again"),
        (drop("constants"), "constants is missing"),
        (put("surprise", value=1), "surprise is not known"),
        (put("constants", "memory", value="fast"), "constants.memory must be a number"),
        (put("constants", "memory", value=0), "constants.memory must be above 0"),
        (put("constants", "memory", value=True), "constants.memory must be a number"),
        (put("constants", "memory", value=float("inf")), "constants.memory must be a finite"),
        (put("deployment", "model", "layers", value=3.5), "layers must be a whole number"),
        (put("deployment", "weights", value="bf17"), "deployment: .*bf17"),
        (put("seen", "clients", value=[1]), "seen.clients must have 2 entries"),
        (put("seen", "tp", value=4), "seen.tp must be a list"),
        (put("errors", value=[]), "errors must be an object"),
        (put("errors", "tpot", value=3), "errors.tpot must be an object"),
        (put("spread", value={}), "spread.ttft needs low and high"),
        (put("spread", "e2e", value={"low": 1, "high": 0}), "spread.e2e needs low and high"),
    ],
)
def test_what_is_wrong_with_a_profile_is_named(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    path = tmp_path / "profile.json"
    write_profile(record(), path)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(InvalidProfile, match=said):
        read_profile(path)


def test_a_file_that_is_missing_or_no_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidProfile, match="can't be read: No such file"):
        read_profile(tmp_path / "none.json")
    (tmp_path / "text.json").write_text("profile")
    with pytest.raises(InvalidProfile, match="is no JSON"):
        read_profile(tmp_path / "text.json")
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(InvalidProfile, match="is not a profile"):
        read_profile(tmp_path / "list.json")


def test_every_field_of_a_point_is_a_load_a_figure_or_a_habit_of_the_engine() -> None:
    load_and_figures = {"deployment", "clients", "prompt", "output", "ttft_s", "tpot_s", "spread"}
    habits = {field.name for field in fields(Habits)} | {"held_back"}
    assert {field.name for field in fields(Point)} == load_and_figures | habits
    point = record().point(8, 100, 10, tp=2)
    assert (point.deployment.tp, point.budget, point.reserve, point.held_back) == (2, 4096, True, 1)


def test_three_points_make_a_profile_that_predicts_a_fourth() -> None:
    points = pretend()
    found = fit_profile([points[0], points[2], points[3]], ["a file"], "now")
    assert found.seen == Seen(3, (1, 64), (512, 512), (64, 64), (1,))
    assert found.errors["tpot"].largest < 0.08
    said = predict(found, points[1])
    assert said.tpot_s.value == pytest.approx(points[1].tpot_s, rel=0.05)
    assert said.ttft_s.value == pytest.approx(points[1].ttft_s, rel=0.1)
    assert found.held_out_by == "each point left out once"
    assert found.held_out["tpot"].points == 3
    assert "3 points on other deployments" in found.spread_by


def test_with_ten_points_the_spread_is_that_of_points_left_out() -> None:
    found = fit_profile(pretend(clients=(1, 2, 3, 4, 6, 8, 12, 16, 24, 32)), [], "now")
    assert "left out" in found.spread_by
    # The points are exact, so what is left out is predicted nearly exactly.
    assert -0.08 < found.spread["tpot"].low <= found.spread["tpot"].high < 0.08


def test_residuals_say_how_much_longer_it_took_than_was_predicted() -> None:
    points = pretend()
    slow = [
        replace(point, ttft_s=2 * (point.ttft_s or 0), tpot_s=3 * (point.tpot_s or 0))
        for point in points
    ]
    off = residuals(slow, Profile(TRUTH, 1))
    assert off[:, 0].tolist() == pytest.approx([0.6931] * 4, abs=1e-4)
    assert off[:, 1].tolist() == pytest.approx([1.0986] * 4, abs=1e-4)
    errors = deviations_of(off)
    # Predicted is a half and a third of what was measured.
    assert (errors["ttft"].mean, errors["tpot"].median) == pytest.approx((0.5, 2 / 3))


def test_points_without_a_figure_are_left_out_and_none_at_all_are_refused() -> None:
    points = pretend()
    blank = replace(points[0], ttft_s=None, tpot_s=None)
    assert fit_profile([*points, blank], [], "now").seen.points == 4
    with pytest.raises(TooFewPoints, match="1, 16 and 128 clients"):
        fit_profile([blank], [], "now")


def test_two_points_are_too_few_to_leave_any_out() -> None:
    off, way = cross_validate(pretend()[:2], None)
    assert (len(off), way) == (0, "too few points to leave any out")


def test_a_mixture_of_experts_needs_three_points() -> None:
    points = pretend(MIXTURE)
    with pytest.raises(NeedsCalibration, match="at low, middle and high load: 1, 16 and 128"):
        fit_profile(points[:2], [], "now")
    assert fit_profile(points[:3], [], "now").seen.points == 3
    with pytest.raises(NeedsCalibration, match="mixture of experts"):
        without_points(MIXTURE, "now")


def test_the_same_constants_mean_the_same_times_as_when_profiles_were_written() -> None:
    """If this fails, files written earlier would predict other times: raise profile.ENGINE."""
    constants = Constants(
        memory=0.8,
        compute=0.7,
        kv=0.6,
        link=0.3,
        step_us=300,
        layer_us=40,
        row_us=30,
        allreduce_us=5,
        request_us=20_000,
        door_us=5_000,
        token_us=50,
    )
    profile = replace(record(), constants=constants, held_back=0, habits=Habits())
    said = predict(profile, profile.point(16, 1024, 128, tp=2))
    assert ENGINE == 1
    assert (said.ttft_s.value, said.tpot_s.value) == pytest.approx((0.140817, 0.00688967), rel=1e-3)

"""Results of benchmarks: means of a load as points, recorded requests as runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from finops.engine.catalogue import load
from finops.engine.errors import EngineError
from finops.engine.observed.run import Run, Setup
from finops.engine.points import Point
from finops.replay.calibration.asked import Asked
from finops.replay.calibration.benchmark_results import point_of_run, read_results
from finops.replay.calibration.errors import CalibrationError, InvalidInput

CATALOGUE = load()
ROW = Asked("llama-3.1-8b", "h100", "vllm").row()
RESULT = {
    "max_concurrency": 8,
    "completed": 80,
    "total_input_tokens": 80 * 512,
    "total_output_tokens": 80 * 128,
    "mean_ttft_ms": 61.5,
    "mean_tpot_ms": 7.25,
}
DETAILED = {
    "duration": 4.0,
    "completed": 2,
    "request_rate": "inf",
    "max_concurrency": None,
    "input_lens": [100, 300],
    "output_lens": [3, 3],
    "ttfts": [1.0, 2.0],
    "itls": [[0.5, 0.5], [1.0, 1.0]],
    "errors": ["", ""],
}


def read(path: Path, content: object) -> list[Point | Run]:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_results(path, ROW, CATALOGUE, Setup())


def test_the_means_of_one_load_are_a_point(tmp_path: Path) -> None:
    (point,) = read(tmp_path / "c8.json", RESULT)
    assert isinstance(point, Point)
    assert (point.clients, point.prompt, point.output) == (8, 512, 128)
    assert (point.ttft_s, point.tpot_s) == pytest.approx((0.0615, 0.00725))
    assert point.deployment.model.name == "llama-3.1-8b"


@pytest.mark.parametrize("mean", [float("nan"), float("inf"), -1.0])
def test_a_mean_that_is_no_time_was_not_measured(tmp_path: Path, mean: float) -> None:
    (point,) = read(tmp_path / "c8.json", {**RESULT, "mean_ttft_ms": mean})
    assert isinstance(point, Point)
    assert point.ttft_s is None
    assert point.tpot_s == pytest.approx(0.00725)


def test_several_loads_may_be_in_a_list_or_one_a_line(tmp_path: Path) -> None:
    both = [RESULT, {**RESULT, "max_concurrency": 16}]
    for content in (both, "\n".join(map(json.dumps, both))):
        found = read(tmp_path / "all.json", content)
        assert [point.clients for point in found if isinstance(point, Point)] == [8, 16]


def test_requests_without_a_limit_of_clients_are_a_run(tmp_path: Path) -> None:
    (run,) = read(tmp_path / "detailed.json", DETAILED)
    assert isinstance(run, Run)
    assert run.workload.prompt.tolist() == [100, 300]


def test_one_of_several_runs_is_a_point_at_its_mean_load(tmp_path: Path) -> None:
    (run,) = read(tmp_path / "detailed.json", DETAILED)
    assert isinstance(run, Run)
    point = point_of_run(run, ROW, CATALOGUE)
    # 2 s and 4 s of work within 4 s: 1.5 at a time, to the even number.
    assert (point.clients, point.prompt, point.output) == (2, 200, 3)
    assert (point.ttft_s, point.tpot_s) == pytest.approx((1.5, 0.75))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("nothing", "no JSON"),
        ("[" * 100_000, "no JSON: maximum recursion depth"),
        ([], "no known form"),
        ({"completed": 3}, "no known form"),
        ({**RESULT, "completed": 4}, "fewer requests \\(4\\) than clients \\(8\\)"),
        ({**RESULT, "max_concurrency": 30_000, "completed": 1e6}, "must be from 1 to 20000"),
        ({**RESULT, "max_concurrency": None, "duration": 3.0}, "--save-detailed"),
        ({**RESULT, "total_output_tokens": 80}, "clients or lengths are missing"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, content: object, said: str) -> None:
    with pytest.raises((CalibrationError, EngineError), match=said):
        read(tmp_path / "result.json", content)


def test_a_deployment_must_be_said() -> None:
    with pytest.raises(InvalidInput, match="add --gpu, --engine"):
        Asked(model="llama-3.1-8b").row()
    with pytest.raises(InvalidInput, match="--max-tokens must be at least 1, not -4"):
        Asked("llama-3.1-8b", "h100", "vllm", max_tokens=-4).row()
    with pytest.raises(InvalidInput, match="--tp must be at least 1"):
        Asked("llama-3.1-8b", "h100", "vllm", tp=0).row()
    at = Asked("llama-3.1-70b", "h200", "vllm", "fp8", kv="fp8", tp=2).deployment(CATALOGUE)
    assert (at.weights, at.kv, at.tp) == ("fp8", "fp8", 2)
    at = Asked("qwen3-30b-a3b", "h100", "vllm", tp=4, ep=4).deployment(CATALOGUE)
    assert (at.tp, at.ep) == (4, 4)

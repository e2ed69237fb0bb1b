"""`manage.py calibrate`: what it writes and shows, and what it refuses in a sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from finops.accounts.models import Workspace
from finops.clickhouse.client import Warehouse
from finops.engine.intervals import predict
from finops.engine.profile import read_profile
from tests.bench.engine import POINTS
from tests.replay.calibration.serving import (
    AT,
    BLOCKS,
    END,
    MODEL,
    START,
    TRUTH,
    insert_samples,
    insert_served,
    serve,
)
from tests.replay.calibration.test_benchmark_results import DETAILED, RESULT

ON_H100 = ("--model", MODEL, "--gpu", "h100", "--engine", "vllm")
CALLS = ("--workspace", "acme", "--from", START.isoformat(), "--to", END.isoformat(), *ON_H100)
HEADER = "gpu,model,precision,engine,tp,batch_or_concurrency,isl,osl,ttft_ms,tpot_ms"


def run(*arguments: object) -> str:
    out = StringIO()
    call_command("calibrate", *map(str, arguments), stdout=out)
    return out.getvalue()


def refused(*arguments: object) -> str:
    with pytest.raises(CommandError) as error:
        run(*arguments)
    return str(error.value)


@pytest.fixture
def points(tmp_path: Path) -> Path:
    """Twenty points of an 8B on an H100, one of them odd, and three of the same on an H200."""
    rows = [f"h100,llama-3.1-8b,,vllm,1,{n},512,64,{50 + n},{6 + n / 8}" for n in range(1, 20)]
    rows.append("h100,llama-3.1-8b,,vllm,1,20,512,64,900,30")
    rows += [f"h200,llama-3.1-8b,,vllm,1,{n},512,64,{40 + n},{5 + n / 8}" for n in (1, 8, 32)]
    path = tmp_path / "points.csv"
    path.write_text("\n".join((HEADER, *rows)))
    return path


def test_points_are_fitted_shown_and_written(points: Path, tmp_path: Path) -> None:
    target = tmp_path / "profile.json"
    said = run("--points", points, "--gpu", "h100", "--out", target, "--rows", 5)
    record = read_profile(target)
    assert record.deployment == AT
    assert (record.seen.points, record.sources) == (20, ("points.csv",))
    assert "llama-3.1-8b · h100_sxm · vllm · bf16 · KV bf16 · tp 1: 20 points, 1 to 20" in said
    # Those farthest off come first, and what lies outside of its interval is marked.
    assert "900.0!" in said.splitlines()[3]
    assert "… and 15 points nearer to their prediction" in said
    assert f"{100 * record.held_out['tpot'].median:.1f} % median" in said
    assert "from residuals of points that were left out" in said
    assert f"wrote {target}" in said


def test_a_profile_is_checked_on_points_and_nothing_is_written(
    points: Path, tmp_path: Path
) -> None:
    target = tmp_path / "profile.json"
    run("--points", points, "--gpu", "h200", "--out", target)
    before = target.read_bytes()
    said = run("--points", points, "--check", target)
    assert "a profile of 3 points" in said
    assert "left out: 20 points of other deployments" in said
    assert "on these       TPOT" in said
    assert "of these, inside the 80 % interval: TTFT" in said
    assert "TPOT 3 of 3" in said
    assert target.read_bytes() == before
    said = refused("--points", points, "--gpu", "h100", "--check", target)
    assert "No points are of the profile's deployment: llama-3.1-8b · h200_sxm" in said


def test_each_deployment_gets_a_profile_of_its_own_in_a_folder(
    points: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "profiles"
    assert "2 deployments: choose one with --model" in refused("--points", points, "--out", folder)
    folder.mkdir()
    run("--points", points, "--out", folder)
    assert sorted(path.name for path in folder.iterdir()) == [
        "llama-3.1-8b_h100_sxm_vllm_bf16.json",
        "llama-3.1-8b_h200_sxm_vllm_bf16.json",
    ]


def test_an_unwritable_profile_is_said(points: Path) -> None:
    said = refused("--points", points, "--gpu", "h200", "--out", "/proc/none/profile.json")
    assert "/proc/none/profile.json can't be written" in said


def test_results_of_a_benchmark_at_three_loads_are_enough(tmp_path: Path) -> None:
    files = [result(tmp_path, clients) for clients in (1, 16, 64)]
    said = run("--benchmark", *files, *ON_H100, "--out", tmp_path / "profile.json")
    assert "3 points, 1 to 64 clients, prompts of 512 tokens" in said
    record = read_profile(tmp_path / "profile.json")
    assert record.sources == ("c1.json", "c16.json", "c64.json")


def test_one_recorded_run_is_fitted_request_by_request(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    served = serve(60).result
    gaps = served.finish_ps - served.first_ps
    path.write_text(
        json.dumps(
            DETAILED
            | {
                "start_times": (served.arrival_ps / 1e12).tolist(),
                "input_lens": serve(60).workload.prompt.tolist(),
                "output_lens": served.output.tolist(),
                "ttfts": ((served.first_ps - served.arrival_ps) / 1e12 + 0.02).tolist(),
                "itls": [[gap / 1e12] for gap in gaps.tolist()],
                "errors": [""] * 60,
            }
        )
    )
    target = tmp_path / "profile.json"
    said = run("--benchmark", path, *ON_H100, "--out", target)
    assert "The later half of the requests, as predicted from the earlier half" in said
    assert read_profile(target).seen.points == 60
    assert "measured ms" in run("--benchmark", path, *ON_H100, "--check", target)
    said = refused("--benchmark", path, *ON_H100, "--tp", 2, "--check", target)
    assert "The profile is of another deployment: llama-3.1-8b · h100_sxm" in said


@pytest.fixture
def workspace(configured_ch: Warehouse, db: None) -> Iterator[Warehouse]:
    Workspace.objects.create(pk=1, slug="acme", name="Acme")
    yield configured_ch


def test_captured_calls_give_constants_that_predict_what_the_server_does(
    workspace: Warehouse, tmp_path: Path
) -> None:
    served, target = serve(), tmp_path / "profile.json"
    insert_served(workspace, served)
    insert_samples(workspace, served)
    said = run(*CALLS, "--out", target)
    assert "of the server's requests in flight were captured" in said
    (blocks,) = re.findall(r"KV cache: (\d+) blocks", said)
    assert int(blocks) == pytest.approx(BLOCKS, rel=0.1)
    record = read_profile(target)
    assert record.seen.points == 240
    assert record.held_out["tpot"].median < 0.03
    truth = record.__class__(**{**vars(record), "constants": TRUTH})
    for clients, prompt, output in ((2, 500, 100), (8, 1_500, 60), (24, 1_000, 200)):
        point = record.point(clients, prompt, output)
        ours, theirs = predict(record, point), predict(truth, point)
        assert ours.tpot_s.value == pytest.approx(theirs.tpot_s.value, rel=0.05)
        assert ours.ttft_s.value == pytest.approx(theirs.ttft_s.value, rel=0.08)
        assert ours.e2e_s.holds(theirs.e2e_s.value)
    assert record.deployment == AT


def test_calls_that_are_a_part_of_the_servers_load_are_refused(workspace: Warehouse) -> None:
    served = serve()
    insert_samples(workspace, served)
    insert_served(workspace, served, every=3)
    assert "of the server's requests were captured" in refused(*CALLS)


def test_calls_to_several_servers_are_refused(workspace: Warehouse) -> None:
    served = serve(60)
    insert_served(workspace, served)
    insert_samples(workspace, served)
    insert_samples(workspace, served, instance="b:8000")
    assert "2 servers of" in refused(*CALLS)


def test_without_calls_it_says_which_there_are(workspace: Warehouse) -> None:
    assert "There were none to any model" in refused(*CALLS)
    insert_served(workspace, serve(60))
    said = refused(*CALLS, "--served", "llama")
    assert f"No calls to llama in this time. There were calls to {MODEL}" in said
    earlier = (START - timedelta(days=1)).isoformat()
    assert "No calls" in refused(*CALLS, "--from", earlier, "--to", START.isoformat())
    assert "No workspace has the slug" in refused(*CALLS, "--workspace", "nobody")
    assert "The range is empty" in refused(*CALLS, "--to", START.isoformat())


def test_without_measurements_it_shows_what_is_expected_and_what_to_measure() -> None:
    said = run(*ON_H100)
    assert "nothing was measured" in said
    assert "errors without any points on other deployments" in said
    assert "Measure three points, at low, middle and high load: 1, 16 and 128 clients" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Say what was measured: add --model, --gpu, --engine"),
        (("--model", "qwen3-30b-a3b", "--gpu", "h100", "--engine", "vllm"), "mixture of experts"),
        (("--model", "llama-9", "--gpu", "h100", "--engine", "vllm"), "config.json"),
        (("--model", "llama-3.1-8b", "--gpu", "h900", "--engine", "vllm"), "memory_gb: 80"),
        ((*ON_H100, "--precision", "bf17"), "bf17"),
        ((*ON_H100, "--tp", "0"), "--tp must be at least 1"),
        ((*ON_H100, "--catalogue", "none.yaml"), "none.yaml can't be read"),
        (("--points", "none.csv"), "none.csv can't be read: No such file"),
        (("--benchmark", "none.json", *ON_H100), "none.json can't be read: No such file"),
        (("--points", POINTS, "--tp", "3", "--check", "none.json"), "No points are of this"),
        (("--workspace", "acme"), "Which calls? Add --from, --to, --model"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    arguments: tuple[object, ...], said: str
) -> None:
    assert said in refused(*arguments)


def test_when_no_row_can_be_used_the_reasons_and_what_to_do_are_said(tmp_path: Path) -> None:
    points = tmp_path / "points.csv"
    points.write_text(f"{HEADER}\nh900,llama-3.1-8b,,vllm,1,8,512,64,50,6\n")
    said = refused("--points", points)
    assert "left out: 1 rows: No GPU h900 in the catalogue" in said
    assert "bandwidth_gb_s" in said
    assert "1, 16 and 128 clients" in said


def test_a_precision_that_nobody_measured_on_that_gpu_needs_three_points(tmp_path: Path) -> None:
    catalogue = tmp_path / "mine.yaml"
    catalogue.write_text(
        "gpus:\n  mine: {source: data sheet, memory_gb: 48, bandwidth_gb_s: 900, "
        "bf16_tflops: 300, link: PCIe 5, link_gb_s: 128}\n"
    )
    at = ("--model", MODEL, "--gpu", "mine", "--engine", "vllm", "--precision", "int4")
    arguments = (*at, "--catalogue", str(catalogue))
    said = "Nobody measured products of int4 weights on mine"
    assert said in refused(*arguments)
    loads = [result(tmp_path, clients) for clients in (1, 16, 64)]
    said = refused(*arguments, "--benchmark", *loads[:2])
    assert "2 are too few" in said
    assert "1, 16 and 128 clients" in said
    assert "3 points" in run(*arguments, "--benchmark", *loads)


def result(folder: Path, clients: int) -> Path:
    path = folder / f"c{clients}.json"
    times = {"mean_ttft_ms": 40 + clients, "mean_tpot_ms": 6 + clients / 10}
    path.write_text(json.dumps(RESULT | {"max_concurrency": clients, "completed": 80} | times))
    return path


@pytest.mark.parametrize(("unit", "metric"), [(1e-3, "ttft"), (1e3, "tpot")])
def test_times_in_another_unit_make_no_profile(tmp_path: Path, unit: float, metric: str) -> None:
    rows = [
        f"h100,llama-3.1-8b,,vllm,1,{n},512,64,{(50 + n) * unit},{(6 + n / 8) * unit}"
        for n in (1, 16, 64)
    ]
    path, target = tmp_path / "points.csv", tmp_path / "profile.json"
    path.write_text("\n".join((HEADER, *rows)))
    said = refused("--points", path, "--out", target)
    assert "Are ttft_ms and tpot_ms in milliseconds?" in said
    assert not target.exists()


def test_what_does_not_fit_is_not_predicted() -> None:
    said = refused("--model", "llama-3.1-70b", "--gpu", "rtx_4090", "--engine", "vllm")
    assert "llama-3.1-70b in bf16 doesn't fit on 1 × rtx_4090" in said

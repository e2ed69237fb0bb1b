"""A points file is refused with the cell that is wrong; groups are chosen by name."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from finops.engine.catalogue import load
from finops.replay.calibration.choose import Choice
from finops.replay.calibration.errors import InvalidInput
from finops.replay.calibration.points_file import read_points_file

CATALOGUE = load()
HEADER = "gpu,model,precision,engine,tp,batch_or_concurrency,isl,osl,ttft_ms,tpot_ms"
GOOD = "h100_sxm,meta-llama/Llama-3.1-8B,,vllm 0.12,1,8,1024,128,80,6.5"
LARGE = "h200_sxm,meta-llama/Llama-3.1-70B,fp8,trtllm,2,8,1024,128,80,6.5"
MIXTURE = "h200_sxm,Qwen/Qwen3-235B-A22B-FP8,fp8,sglang 0.5,4,8,1024,128,80,6.5"


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines))
    return path


def test_a_file_is_read_plain_or_gzipped(tmp_path: Path) -> None:
    plain = written(tmp_path / "points.csv", HEADER, GOOD, "", GOOD.replace(",8,", ",16,"))
    packed = tmp_path / "points.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    for path in (plain, packed):
        ((group,), left_out) = read_points_file(path, CATALOGUE)
        assert [point.clients for point in group.points] == [8, 16]
        assert not left_out


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "has no column gpu, model"),
        (["gpu,model", "a,b"], "has no column precision"),
        ([HEADER, "h100_sxm,llama"], "line 2 has 2 cells, and the header 10"),
        ([HEADER, GOOD, GOOD.replace("1024", "long")], "line 3: isl must be a number, not 'long'"),
        (
            [HEADER, GOOD.replace("6.5", "0")],
            "line 2: tpot_ms must be from 0.001 to 1000000000, not 0",
        ),
        (
            [HEADER, GOOD.replace(",8,", ",-8,")],
            "line 2: batch_or_concurrency must be from 1 to 20000, not -8",
        ),
        ([HEADER, GOOD.replace("80", "inf")], "ttft_ms must be from 0.001 to 1000000000, not inf"),
        ([HEADER, GOOD.replace(",8,", ",1000000,")], "must be from 1 to 20000, not 1000000"),
        ([HEADER, GOOD.replace("1024", "1e12")], "isl must be from 1 to 10000000, not 1e12"),
        ([HEADER, GOOD.replace(",8,", ",8.5,")], "batch_or_concurrency must be a whole number"),
        ([HEADER, GOOD.replace(",1,8", ",1.5,8")], "tp must be a whole number, not 1.5"),
        ([f"{HEADER},budget", f"{GOOD},x"], "line 2: budget must be a number, not 'x'"),
        ([f"{HEADER},wait_steps", f"{GOOD},-5"], "wait_steps must be from 0 to 10000, not -5"),
        ([f"{HEADER},spread", f"{GOOD},7"], "spread must be from 0 to 1, not 7"),
        ([HEADER, GOOD.replace("80", "8" * 5_000)], "line 2: a cell is longer than 1000"),
        ([HEADER, GOOD.replace("vllm 0.12", " ")], "line 2: engine is empty"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(tmp_path: Path, lines: list[str], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        read_points_file(written(tmp_path / "points.csv", *lines), CATALOGUE)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"none\.csv can't be read: No such file"):
        read_points_file(tmp_path / "none.csv", CATALOGUE)
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInput, match="is not text in UTF-8"):
        read_points_file(binary, CATALOGUE)
    broken = tmp_path / "broken.gz"
    broken.write_bytes(b"not gzip")
    with pytest.raises(InvalidInput, match=r"broken\.gz can't be read"):
        read_points_file(broken, CATALOGUE)


@pytest.mark.parametrize(
    ("choice", "models"),
    [
        (Choice(), ["llama-3.1-8b", "llama-3.1-70b", "qwen3-235b-a22b"]),
        (Choice(model="meta-llama/Llama-3.1-70B-Instruct"), ["llama-3.1-70b"]),
        (Choice(gpu="h200_sxm"), ["llama-3.1-70b", "qwen3-235b-a22b"]),
        (Choice(engine="SGLang 0.5"), ["qwen3-235b-a22b"]),
        (Choice(precision="bf16"), ["llama-3.1-8b"]),
        (Choice(precision="fp8"), ["llama-3.1-70b", "qwen3-235b-a22b"]),
        (Choice(tp=1), ["llama-3.1-8b"]),
    ],
)
def test_a_deployment_is_chosen_by_what_is_named(
    tmp_path: Path, choice: Choice, models: list[str]
) -> None:
    groups, _ = read_points_file(
        written(tmp_path / "points.csv", HEADER, GOOD, LARGE, MIXTURE), CATALOGUE
    )
    assert [group.model for group in choice.chosen(groups, CATALOGUE)] == models


def test_a_choice_that_fits_nothing_says_what_there_is(tmp_path: Path) -> None:
    groups, _ = read_points_file(written(tmp_path / "points.csv", HEADER, GOOD), CATALOGUE)
    with pytest.raises(InvalidInput, match=r"The file has: llama-3\.1-8b · h100_sxm · vllm · bf16"):
        Choice(tp=8).chosen(groups, CATALOGUE)

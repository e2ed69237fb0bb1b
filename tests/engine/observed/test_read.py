"""Files of vLLM's request statistics: what they say, and what is refused."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from finops.engine.observed.read import overlaps, read_run, setup_of
from finops.engine.observed.run import InvalidRun, Run, SeenBy
from tests.engine.observed.recorded import LLAMA, QWEN, recorded

ROW = {
    "request_id": "a",
    "input_toks": 20,
    "output_toks": 3,
    "arrival_time": 1000.0,
    "queued_ts": 7.5,
    "scheduled_ts": 7.5,
    "first_token_ts": 8.0,
    "last_token_ts": 9.0,
}
META: dict[str, object] = {"model": "a/B", "vllm_version": "0.9.1", "engine_kwargs": {}}


def written(folder: Path, rows: list[dict[str, object]], chains: list[object] | None = None) -> Run:
    """The run in files of these rows."""
    requests, meta, chain = folder / "requests.jsonl", folder / "meta.json", folder / "c.jsonl.gz"
    requests.write_text("\n".join(json.dumps(row) for row in rows))
    meta.write_text(json.dumps(META))
    if chains is None:
        return read_run(requests, meta)
    chain.write_bytes(gzip.compress("\n".join(json.dumps(row) for row in chains).encode()))
    return read_run(requests, meta, chain)


def test_the_public_runs_are_read_whole() -> None:
    run = recorded(LLAMA)
    assert len(run) == 300
    assert (run.workload.prompt[0], run.workload.output[0]) == (2358, 531)
    assert int(run.workload.prompt.sum()) == 257_239
    assert int(run.workload.output.sum()) == 195_753
    # 479764.054028055 − 479748.510151426 by hand, over 530 tokens.
    assert run.times.series()["tpot"][0] == pytest.approx(15.543876629 / 530)
    assert run.workload.hashes is not None
    assert len(run.workload.hashes[0]) == 2358 // 16
    assert (run.setup.max_seqs, run.setup.max_tokens, run.setup.ranks) == (128, 2048, 1)
    assert run.setup.overlap
    assert run.seen_by is SeenBy.ENGINE
    other = recorded(QWEN).setup
    assert (other.ranks, other.expert_parallel) == (2, True)


def test_arrivals_are_put_on_the_clock_of_the_other_stamps(tmp_path: Path) -> None:
    # The least difference of the clocks is 992.4: so the first waited 0.1 s before it was queued.
    later = ROW | {"arrival_time": 1001.0, "queued_ts": 8.6, "first_token_ts": 9.1}
    later |= {"scheduled_ts": 8.85, "last_token_ts": 9.1, "output_toks": 1}
    earlier = ROW | {"queued_ts": 7.7, "scheduled_ts": 7.8}
    run = written(tmp_path, [later, earlier])
    series = run.times.series()
    assert run.workload.arrival_ps.tolist() == [0, 10**12]
    assert series["queue"] == pytest.approx([0.2, 0.25])
    assert series["ttft"] == pytest.approx([0.4, 0.5])
    assert series["e2e"] == pytest.approx([1.4, 0.5])
    assert series["tpot"][0] == pytest.approx(0.5)
    assert np.isnan(series["tpot"][1])


def test_chains_go_with_their_requests(tmp_path: Path) -> None:
    rows = [ROW | {"arrival_time": 1001.0, "queued_ts": 8.5}, ROW | {"input_toks": 40}]
    chains: list[object] = [
        {"input": 20, "output": 3, "chain16": [1]},
        {"input": 40, "output": 3, "chain16": [2, 3]},
    ]
    run = written(tmp_path, rows, chains)
    assert run.workload.hashes == [(2, 3), (1,)]  # sorted by arrival
    with pytest.raises(InvalidRun, match="of another workload"):
        written(tmp_path, rows, chains[::-1])
    with pytest.raises(InvalidRun, match="chain16"):
        written(tmp_path, [ROW], [{"input": 20, "output": 3, "chain16": ["x"]}])


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (ROW | {"input_toks": None}, "number as input_toks"),
        (ROW | {"queued_ts": "soon"}, "number as queued_ts"),
        ({"a": 1}, "number as arrival_time"),
    ],
)
def test_a_row_without_a_number_is_named(tmp_path: Path, row: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidRun, match=says):
        written(tmp_path, [ROW, row])


def test_files_of_another_form_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRun, match="no requests"):
        written(tmp_path, [])
    path = tmp_path / "x.jsonl"
    meta = tmp_path / "meta.json"
    meta.write_text("{}")
    path.write_text(json.dumps(ROW))
    with pytest.raises(InvalidRun, match="engine_kwargs"):
        read_run(path, meta)
    path.write_text("[1]\n")
    with pytest.raises(InvalidRun, match="line 1 must be an object"):
        read_run(path, meta)
    path.write_text("\n{")
    with pytest.raises(InvalidRun, match="line 2 is no JSON"):
        read_run(path, meta)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidRun, match="UTF-8"):
        read_run(path, meta)
    with pytest.raises(InvalidRun, match="can't be read"):
        read_run(tmp_path / "none.jsonl", meta)
    broken = tmp_path / "x.jsonl.gz"
    broken.write_bytes(b"no gzip")
    with pytest.raises(InvalidRun, match="can't be read"):
        read_run(broken, meta)


def test_what_the_arguments_leave_out_is_as_vllm_takes_it() -> None:
    setup = setup_of(META | {"engine_kwargs": {"max_num_seqs": None, "max_model_len": 4096}}, "m")
    assert (setup.max_seqs, setup.memory_share, setup.block_size) == (256, 0.9, 16)
    assert (setup.max_model_len, setup.prefix_cache, setup.overlap) == (4096, True, False)
    assert setup.model == "b"
    told = setup_of(META | {"engine_kwargs": {"async_scheduling": True}}, "m")
    assert told.overlap


@pytest.mark.parametrize(
    ("version", "expected"),
    [("0.13.0", False), ("0.14.0", True), ("0.19.0", True), ("1.0", True), ("", False)],
)
def test_vllm_schedules_ahead_from_version_0_14_on(version: str, expected: bool) -> None:
    assert overlaps(version) is expected

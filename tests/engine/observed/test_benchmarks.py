"""Files of load generators, in the form that their sources and documentation give."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from finops.engine.observed.benchmarks.guidellm import read_guidellm
from finops.engine.observed.benchmarks.lists import one_after_another
from finops.engine.observed.benchmarks.recognise import read_benchmark
from finops.engine.observed.benchmarks.sglang import read_sglang
from finops.engine.observed.benchmarks.vllm import read_vllm
from finops.engine.observed.run import InvalidRun, Run, SeenBy, Setup

# vllm/benchmarks/serve.py: what it writes with --save-result --save-detailed.
VLLM: dict[str, object] = {
    "date": "20260101-120000",
    "endpoint_type": "vllm",
    "backend": "vllm",
    "label": None,
    "model_id": "meta-llama/Llama-3.1-8B-Instruct",
    "tokenizer_id": "meta-llama/Llama-3.1-8B-Instruct",
    "num_prompts": 3,
    "request_rate": 10.0,
    "burstiness": 1.0,
    "max_concurrency": None,
    "duration": 2.5,
    "completed": 2,
    "failed": 1,
    "total_input_tokens": 150,
    "total_output_tokens": 7,
    "input_lens": [100, 70, 50],
    "output_lens": [4, 0, 3],
    "ttfts": [0.25, 0.0, 0.125],
    "itls": [[0.25, 0.25, 0.5], [], [0.5, 0.25]],
    "start_times": [5000.5, 5000.25, 5000.0],
    "generated_texts": ["a", "", "b"],
    "errors": ["", "Bad Gateway", ""],
    "mean_ttft_ms": 187.5,
}
# python/sglang/bench_serving.py: a line of what it writes with --output-details.
SGLANG: dict[str, object] = {
    "tag": None,
    "backend": "sglang",
    "dataset_name": "random",
    "request_rate": float("inf"),
    "max_concurrency": 1,
    "duration": 2.5,
    "completed": 2,
    "server_info": None,
    "input_lens": [100, 50],
    "output_lens": [4, 3],
    "ttfts": [0.25, 0.125],
    "itls": [[0.25, 0.25, 0.5], [0.5, 0.25]],
    "generated_texts": ["a", "b"],
    "errors": ["", ""],
}
# src/guidellm/schemas/request_stats.py: computed fields are written beside info and metrics.
GUIDELLM: dict[str, object] = {
    "metadata": {"version": 1},
    "benchmarks": [
        {
            "type_": "generative_benchmark",
            "requests": {
                "successful": [
                    {
                        "type_": "generative_request_stats",
                        "request_id": "a",
                        "request_start_time": 1700000000.5,
                        "request_end_time": 1700000001.75,
                        "request_latency": 1.25,
                        "prompt_tokens": 100,
                        "output_tokens": 4,
                        "time_to_first_token_ms": 250.0,
                    },
                    {
                        "type_": "generative_request_stats",
                        "request_id": "b",
                        "request_start_time": 1700000000.0,
                        "request_latency": 0.875,
                        "prompt_tokens": 50,
                        "output_tokens": 3,
                        "time_to_first_token_ms": 125.0,
                    },
                    {
                        "request_id": "no usage from the server",
                        "request_start_time": 1700000000.0,
                        "request_latency": 1.0,
                        "prompt_tokens": None,
                        "output_tokens": None,
                    },
                ],
                "incomplete": [],
                "errored": [],
                "total": None,
            },
        }
    ],
}


# docs/tutorials/working-with-profile-exports.md of AIPerf.
def aiperf(start_ns: int, prompt: int, output: int, times_ms: tuple[float, float]) -> object:
    """A record of a request that succeeded."""
    return {
        "metadata": {
            "session_num": 45,
            "request_start_ns": start_ns,
            "request_ack_ns": start_ns + 1,
            "request_end_ns": start_ns + 2,
            "worker_id": "worker_359d423a",
            "benchmark_phase": "profiling",
            "was_cancelled": False,
            "cancellation_time_ns": None,
        },
        "metrics": {
            "input_sequence_length": {"value": prompt, "unit": "tokens"},
            "time_to_first_token": {"value": times_ms[0], "unit": "ms"},
            "request_latency": {"value": times_ms[1], "unit": "ms"},
            "output_token_count": {"value": output, "unit": "tokens"},
            "output_sequence_length": {"value": output, "unit": "tokens"},
        },
        "error": None,
    }


FAILED = {
    "metadata": {"request_start_ns": 7, "benchmark_phase": "profiling", "was_cancelled": True},
    "metrics": {"error_isl": {"value": 550, "unit": "tokens"}},
    "error": {"code": 499, "type": "RequestCancellationError", "message": "cancelled"},
}
WARM_UP = {"metadata": {"benchmark_phase": "warmup"}, "metrics": {}, "error": None}
AIPERF = [
    aiperf(1759813207500000000, 100, 4, (250.0, 1250.0)),
    FAILED,
    WARM_UP,
    aiperf(1759813207000000000, 50, 3, (125.0, 875.0)),
]


def saved(folder: Path, *objects: object) -> Path:
    """A file of these objects, a line each."""
    path = folder / "result.json"
    path.write_text("\n".join(json.dumps(one) for one in objects))
    return path


def assert_two_requests(run: Run, gap_s: float = 0.5) -> None:
    """The run that all the files above tell of: the one of 50 tokens first."""
    series = run.times.series()
    assert run.workload.prompt.tolist() == [50, 100]
    assert run.workload.output.tolist() == [3, 4]
    assert run.workload.arrival_ps.tolist() == [0, round(gap_s * 1e12)]
    assert series["ttft"] == pytest.approx([0.125, 0.25])
    assert series["e2e"] == pytest.approx([0.875, 1.25])
    assert series["tpot"] == pytest.approx([0.375, 1 / 3])
    assert np.isnan(series["queue"]).all()
    assert run.seen_by is SeenBy.CLIENT


def test_a_result_of_vllm_is_read(tmp_path: Path) -> None:
    setup = Setup(max_seqs=5)
    run = read_benchmark(saved(tmp_path, VLLM), setup)
    assert_two_requests(run)
    assert run.setup == setup


def test_of_results_that_vllm_appended_the_last_counts(tmp_path: Path) -> None:
    assert_two_requests(read_vllm(saved(tmp_path, VLLM | {"input_lens": [1, 1, 1]}, VLLM)))


def test_a_line_of_sglang_is_read_and_its_starts_are_worked_out(tmp_path: Path) -> None:
    # One at a time: the second starts when the first ends, after 1.25 s.
    run = read_benchmark(saved(tmp_path, SGLANG | {"input_lens": [9, 9]}, SGLANG))
    assert run.workload.prompt.tolist() == [100, 50]
    assert run.workload.arrival_ps.tolist() == [0, 1_250_000_000_000]
    at_once = read_sglang(saved(tmp_path, SGLANG | {"max_concurrency": None}))
    assert at_once.workload.arrival_ps.tolist() == [0, 0]
    with pytest.raises(InvalidRun, match="no number 5"):
        read_sglang(saved(tmp_path, SGLANG), line=5)


def test_benchmarks_of_guidellm_are_read(tmp_path: Path) -> None:
    assert_two_requests(read_benchmark(saved(tmp_path, GUIDELLM)))
    with pytest.raises(InvalidRun, match="no benchmark number 1"):
        read_guidellm(saved(tmp_path, GUIDELLM), benchmark=1)
    with pytest.raises(InvalidRun, match="no list of successful"):
        read_guidellm(saved(tmp_path, {"benchmarks": [{"requests": None}]}))
    text = json.dumps(GUIDELLM).replace(
        '"time_to_first_token_ms": 250.0', '"time_to_first_token_ms": "x"'
    )
    assert '"x"' in text
    (tmp_path / "wrong.json").write_text(text)
    with pytest.raises(InvalidRun, match="needs a number as time_to_first_token_ms"):
        read_benchmark(tmp_path / "wrong.json")


def test_records_of_aiperf_are_read_without_failures_and_warm_up(tmp_path: Path) -> None:
    assert_two_requests(read_benchmark(saved(tmp_path, *AIPERF)))


def test_starts_of_a_limited_number_at_a_time() -> None:
    # Two at a time: the third starts when the second ends, the fourth when the first does.
    starts = one_after_another(np.array([5.0, 2.0, 4.0, 1.0]), 2)
    assert starts.tolist() == [0, 0, 2, 5]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"x": 1}, "no known form"),
        ([1], "no known form"),
        ({"duration": 1, "completed": 3}, "--save-detailed"),
        ({"dataset_name": "random"}, "--output-details"),
        (VLLM | {"ttfts": [0.1]}, "not of the same length"),
        (VLLM | {"start_times": [0.1]}, "not of the same length"),
        (VLLM | {"itls": [1, "x", 2]}, "itls must be a list of numbers"),
        (VLLM | {"ttfts": ["a", "b", "c"]}, "ttfts must be a list of numbers"),
        (VLLM | {"errors": ["x", "x", "x"]}, "nothing to replay"),
        (SGLANG | {"request_rate": 4.0}, "doesn't say when requests were sent"),
        ({"metadata": {}, "metrics": {}}, "number as request_start_ns"),
        ({"metadata": {"request_start_ns": 1}, "metrics": {}}, "no input_sequence_length"),
    ],
)
def test_what_is_missing_or_wrong_is_said(tmp_path: Path, content: object, says: str) -> None:
    with pytest.raises(InvalidRun, match=says):
        read_benchmark(saved(tmp_path, content))


def test_no_json_and_unknown_units_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("hello")
    with pytest.raises(InvalidRun, match="no JSON"):
        read_benchmark(path)
    path.write_text(json.dumps(AIPERF[0]).replace('"ms"', '"fortnights"'))
    with pytest.raises(InvalidRun, match="in fortnights"):
        read_benchmark(path)


def test_without_streaming_there_is_no_first_token(tmp_path: Path) -> None:
    record = json.loads(json.dumps(AIPERF[0]))
    del record["metrics"]["time_to_first_token"]
    series = read_benchmark(saved(tmp_path, record)).times.series()
    assert np.isnan(series["ttft"]).all()
    assert series["e2e"] == pytest.approx([1.25])

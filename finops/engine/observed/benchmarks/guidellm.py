"""GuideLLM's benchmarks.json: benchmarks, each with its requests by outcome.

Form: src/guidellm/schemas/request_stats.py and benchmark/schemas (vllm-project/guidellm, 2026):
benchmarks[].requests.successful[] with request_start_time and request_latency in seconds,
time_to_first_token_ms, prompt_tokens and output_tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from finops.engine.observed.json_files import number, read_json
from finops.engine.observed.run import Calls, InvalidRun, Run, Setup, run_of


def read_guidellm(path: Path, setup: Setup | None = None, *, benchmark: int = -1) -> Run:
    """The run of one benchmark of the file, by default the last.

    Raises InvalidRun for a file of another form, or without requests (GuideLLM can be told to
    leave them out).
    """
    rows = [row for row in requests_of(read_json(path), benchmark, path) if is_whole(row)]
    columns = {
        name: np.array([number(row, name, path) for row in rows])
        for name in ("request_start_time", "request_latency", "prompt_tokens", "output_tokens")
    }
    calls = Calls(
        columns["request_start_time"],
        columns["prompt_tokens"].astype(np.int64),
        columns["output_tokens"].astype(np.int64),
        ttft_s=np.array([first_token_s(row, path) for row in rows]),
        e2e_s=columns["request_latency"],
    )
    return run_of(calls, setup, source=path.name)


def requests_of(
    report: Mapping[str, object], benchmark: int, path: Path
) -> list[Mapping[str, object]]:
    """The requests that succeeded."""
    benchmarks = report.get("benchmarks")
    if not isinstance(benchmarks, list) or not -len(benchmarks) <= benchmark < len(benchmarks):
        raise InvalidRun(f"{path.name} has no benchmark number {benchmark}.")
    chosen = benchmarks[benchmark]
    requests = chosen.get("requests") if isinstance(chosen, dict) else None
    rows = requests.get("successful") if isinstance(requests, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InvalidRun(f"{path.name} has no list of successful requests in its benchmark.")
    return rows


def first_token_s(row: Mapping[str, object], path: Path) -> float:
    """Seconds to the first token; NaN where it wasn't measured."""
    if row.get("time_to_first_token_ms") is None:
        return float("nan")
    return number(row, "time_to_first_token_ms", path) / 1e3


def is_whole(row: Mapping[str, object]) -> bool:
    """Whether it says how many tokens came: a server may not have counted them."""
    return bool(row.get("prompt_tokens")) and bool(row.get("output_tokens"))

"""`vllm bench serve --save-result --save-detailed`: JSON, a line for a run.

Form: vllm/benchmarks/serve.py (vllm-project/vllm, 2026): input_lens, output_lens, ttfts, itls,
errors and, since late 2025, start_times; beside them request_rate ("inf" or a number) and
max_concurrency. Times are seconds; failed requests have an error and an output of 0.
"""

from __future__ import annotations

from pathlib import Path

from finops.engine.observed.benchmarks.lists import calls_of
from finops.engine.observed.json_files import json_lines
from finops.engine.observed.run import InvalidRun, Run, Setup, run_of


def read_vllm(path: Path, setup: Setup | None = None) -> Run:
    """The run of a result file, of its last line if runs were appended; raises InvalidRun."""
    lines = list(json_lines(path))
    if not lines:
        raise InvalidRun(f"{path.name} is empty.")
    return run_of(calls_of(lines[-1], path, "--save-detailed"), setup, source=path.name)

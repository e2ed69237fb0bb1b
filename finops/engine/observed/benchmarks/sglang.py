"""`python -m sglang.bench_serving --output-details`: JSON lines, one for each time it was run.

Form: python/sglang/bench_serving.py (sgl-project/sglang, 2025): input_lens, output_lens, ttfts,
itls and errors; no start times. request_rate is Infinity or a number, or "trace".
"""

from __future__ import annotations

from pathlib import Path

from finops.engine.observed.benchmarks.lists import calls_of
from finops.engine.observed.json_files import json_lines
from finops.engine.observed.run import InvalidRun, Run, Setup, run_of


def read_sglang(path: Path, setup: Setup | None = None, *, line: int = -1) -> Run:
    """The run of one line, by default the last, which is the latest; raises InvalidRun."""
    lines = list(json_lines(path))
    try:
        result = lines[line]
    except IndexError as error:
        raise InvalidRun(f"{path.name} has {len(lines)} runs, so no number {line}.") from error
    return run_of(calls_of(result, path, "--output-details"), setup, source=path.name)

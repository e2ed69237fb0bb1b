"""AIPerf's profile_export.jsonl: a line for each request.

Form: docs/tutorials/working-with-profile-exports.md (ai-dynamo/aiperf, 2026): metadata with
request_start_ns and benchmark_phase, metrics as {value, unit} by name, error or null.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from finops.engine.observed.json_files import json_lines, number
from finops.engine.observed.run import Calls, InvalidRun, Run, Setup, run_of

SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "sec": 1.0, "s": 1.0}


def read_aiperf(path: Path, setup: Setup | None = None) -> Run:
    """The run of a file; raises InvalidRun for one of another form."""
    rows = [row for row in json_lines(path) if counts(row, path)]
    begun = [number(part(row, "metadata", path), "request_start_ns", path) for row in rows]
    calls = Calls(
        (np.array(begun) - min(begun, default=0.0)) * 1e-9,
        np.array([value(row, "input_sequence_length", path) for row in rows]).astype(np.int64),
        np.array([value(row, "output_sequence_length", path) for row in rows]).astype(np.int64),
        ttft_s=np.array([seconds(row, "time_to_first_token", path) for row in rows]),
        e2e_s=np.array([seconds(row, "request_latency", path) for row in rows]),
    )
    return run_of(calls, setup, source=path.name)


def counts(row: Mapping[str, object], path: Path) -> bool:
    """Whether the request was measured, not warm-up, and got its answer."""
    phase = part(row, "metadata", path).get("benchmark_phase", "profiling")
    return phase == "profiling" and row.get("error") is None


def part(row: Mapping[str, object], name: str, path: Path) -> Mapping[str, object]:
    """A part of the record; raises InvalidRun if it has none."""
    found = row.get(name)
    if not isinstance(found, dict):
        raise InvalidRun(f"{path.name}: every line needs {name}, as AIPerf writes it.")
    return found


def value(row: Mapping[str, object], name: str, path: Path) -> float:
    """The value of a metric."""
    metric = part(row, "metrics", path).get(name)
    if not isinstance(metric, dict):
        raise InvalidRun(f"{path.name}: a request has no {name}.")
    return number(metric, "value", path)


def seconds(row: Mapping[str, object], name: str, path: Path) -> float:
    """A metric of time in seconds; NaN where it wasn't measured, as without streaming."""
    metric = part(row, "metrics", path).get(name)
    if not isinstance(metric, dict):
        return float("nan")
    unit = str(metric.get("unit"))
    if unit not in SECONDS:
        raise InvalidRun(f"{path.name}: {name} is in {unit}; known are {', '.join(SECONDS)}.")
    return number(metric, "value", path) * SECONDS[unit]

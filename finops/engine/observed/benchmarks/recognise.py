"""Which load generator wrote a file: by what is in it, not by its name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from finops.engine.observed.benchmarks.aiperf import read_aiperf
from finops.engine.observed.benchmarks.guidellm import read_guidellm
from finops.engine.observed.benchmarks.sglang import read_sglang
from finops.engine.observed.benchmarks.vllm import read_vllm
from finops.engine.observed.run import InvalidRun, Run, Setup
from finops.engine.text_file import text_of

Reader = Callable[[Path, Setup | None], Run]


def read_benchmark(path: Path, setup: Setup | None = None) -> Run:
    """The run in a file of vLLM, SGLang, GuideLLM or AIPerf; raises InvalidRun for any other."""
    return reader_of(path)(path, setup)


def reader_of(path: Path) -> Reader:
    """Who can read it: SGLang's lines say their backend and dataset, vLLM's one object its model"""
    text = text_of(path, InvalidRun).lstrip()
    try:
        found, _ = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRun(f"{path.name} is no JSON: {error}.") from error
    keys = set(found) if isinstance(found, dict) else set()
    if "benchmarks" in keys:
        return read_guidellm
    if {"metadata", "metrics"} <= keys:
        return read_aiperf
    if "dataset_name" in keys:
        return read_sglang
    if {"duration", "completed"} <= keys:
        return read_vllm
    raise InvalidRun(
        f"{path.name} is of no known form. Known are results of `vllm bench serve "
        "--save-detailed`, `sglang.bench_serving --output-details`, GuideLLM's benchmarks.json and "
        "AIPerf's profile_export.jsonl."
    )

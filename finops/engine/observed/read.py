"""Runs recorded in the engine: JSON lines with the time stamps of vLLM's request statistics.

The form is that of LLMServingSim's benchmark runner (casys-kaist/LLMServingSim, bench/core): a
line for each request with input_toks, output_toks, arrival_time, queued_ts, scheduled_ts,
first_token_ts and last_token_ts in seconds, and a meta.json with the arguments of the engine.

`arrival_time` is taken from the wall clock, the others from a monotonic one. The smallest
difference between arrival and queue is taken as the difference of the clocks; so what is the same
for all requests before the queue counts as nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from finops.engine.observed.json_files import json_lines, number, read_json
from finops.engine.observed.run import Calls, InvalidRun, Run, SeenBy, Setup, run_of
from finops.engine.result import Floats

STAMPS = ("arrival_time", "queued_ts", "scheduled_ts", "first_token_ts", "last_token_ts")
LENGTHS = ("input_toks", "output_toks")


def read_run(requests: Path, meta: Path, chains: Path | None = None) -> Run:
    """The run in `requests`; `chains` holds the hash chain of each prompt's blocks (chain16).

    Rows of `chains` are those of `requests`, in the same order, with input and output lengths.
    Raises InvalidRun for a file of another form.
    """
    rows = list(json_lines(requests))
    stamps = np.array([[number(row, name, requests) for name in STAMPS] for row in rows])
    lengths = np.array([[number(row, name, requests) for name in LENGTHS] for row in rows])
    if not rows:
        raise InvalidRun(f"{requests.name} has no requests.")
    arrival, queued, scheduled, first, last = stamps.T
    arrival = arrival + (queued - arrival).min()
    calls = Calls(
        arrival,
        lengths[:, 0].astype(np.int64),
        lengths[:, 1].astype(np.int64),
        ttft_s=first - arrival,
        e2e_s=last - arrival,
        queue_s=scheduled - arrival,
        hashes=None if chains is None else read_chains(chains, lengths),
    )
    return run_of(calls, setup_of(read_json(meta), meta.name), SeenBy.ENGINE, requests.name)


def read_chains(path: Path, lengths: Floats) -> list[tuple[int, ...]]:
    """Hash chains by request; raises InvalidRun unless the lengths are those of the run."""
    rows = list(json_lines(path))
    seen = np.array([[number(row, name, path) for name in ("input", "output")] for row in rows])
    if seen.shape != lengths.shape or not np.array_equal(seen, lengths):
        raise InvalidRun(f"{path.name} is of another workload: its lengths are not the run's.")
    return [tuple(hashes(row, path)) for row in rows]


def hashes(row: Mapping[str, object], path: Path) -> list[int]:
    """The chain of a row."""
    chain = row.get("chain16")
    if not isinstance(chain, list) or not all(isinstance(link, int) for link in chain):
        raise InvalidRun(f"{path.name}: chain16 must be a list of whole numbers.")
    return chain


def setup_of(meta: Mapping[str, object], name: str) -> Setup:
    """The engine's settings from the arguments that it was started with.

    What isn't given has the value that vLLM takes: a prefix cache, 0.9 of the memory, blocks of 16.
    Scheduling overlaps with computing from version 0.14 on unless it was switched off.
    """
    arguments = meta.get("engine_kwargs")
    if not isinstance(arguments, dict):
        raise InvalidRun(f"{name} has no engine_kwargs: it is not the meta.json of a run.")
    version = str(meta.get("vllm_version", ""))
    longest = arguments.get("max_model_len")
    return Setup(
        model=str(meta.get("model", "")).rsplit("/", 1)[-1].lower(),
        engine=f"vllm {version}",
        max_seqs=int(arguments.get("max_num_seqs") or 256),
        max_tokens=int(arguments.get("max_num_batched_tokens") or 8192),
        block_size=int(arguments.get("block_size") or 16),
        memory_share=float(arguments.get("gpu_memory_utilization") or 0.9),
        max_model_len=int(longest) if longest else None,
        tp=int(arguments.get("tensor_parallel_size") or 1),
        ranks=int(arguments.get("data_parallel_size") or 1),
        expert_parallel=bool(arguments.get("enable_expert_parallel", False)),
        prefix_cache=bool(arguments.get("enable_prefix_caching", True)),
        overlap=bool(arguments.get("async_scheduling", overlaps(version))),
    )


def overlaps(version: str) -> bool:
    """Whether this version of vLLM schedules asynchronously by default."""
    parts = version.split(".")
    numbers = [int(part) for part in parts[:2] if part.isdigit()]
    return len(numbers) == 2 and tuple(numbers) >= (0, 14)

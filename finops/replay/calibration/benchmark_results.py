"""Results of a serving benchmark: points where the load is a number of clients, runs elsewhere.

`vllm bench serve --max-concurrency N --save-result` and SGLang's benchmark write the means of one
load: max_concurrency, completed, total_input_tokens, total_output_tokens, mean_ttft_ms and
mean_tpot_ms. What is not of this form is read request by request (finops.engine.observed).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from finops.engine.catalogue import Catalogue
from finops.engine.errors import EngineError
from finops.engine.observed.benchmarks.guidellm import read_guidellm
from finops.engine.observed.benchmarks.recognise import read_benchmark
from finops.engine.observed.run import Run, Setup
from finops.engine.points import Point
from finops.engine.read_points import point_of
from finops.engine.text_file import text_of
from finops.replay.calibration.errors import InvalidInput
from finops.replay.calibration.points_file import check_row

NEEDED = ("max_concurrency", "completed", "total_input_tokens", "total_output_tokens")
MEANS = {"ttft_ms": "mean_ttft_ms", "tpot_ms": "mean_tpot_ms"}

Row = Mapping[str, str]


def read_results(
    path: Path, deployment: Row, catalogue: Catalogue, setup: Setup
) -> list[Point | Run]:
    """What a file holds, one point or run for each load.

    `deployment` says what the file doesn't, in the columns of a points file: model, gpu, engine,
    precision, tp and, if it isn't the engine's usual, kv. Raises InvalidInput or EngineError.
    """
    results = results_of(text_of(path, InvalidInput))
    if results and all(number(result, name) for result in results for name in NEEDED):
        return [point_from(result, deployment, catalogue, path.name) for result in results]
    benchmarks = results[0].get("benchmarks") if len(results) == 1 else None
    if isinstance(benchmarks, list):
        return [read_guidellm(path, setup, benchmark=at) for at in range(len(benchmarks))]
    return [read_benchmark(path, setup)]


def results_of(text: str) -> list[Mapping[str, object]]:
    """The JSON objects of a text: one, a list, or one a line; none for anything else."""
    try:
        content = json.loads(text)
        found = content if isinstance(content, list) else [content]
    except (ValueError, RecursionError):
        found = list(objects(text))
    return found if all(isinstance(one, dict) for one in found) else []


def objects(text: str) -> Iterator[object]:
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except (ValueError, RecursionError):
            yield None


def point_from(
    result: Mapping[str, object], deployment: Row, catalogue: Catalogue, name: str
) -> Point:
    """The means of one load as a point."""
    clients, completed, prompts, outputs = (number(result, key) for key in NEEDED)
    if not clients or not completed or not prompts or not outputs:
        raise InvalidInput(f"{name} lacks one of {', '.join(NEEDED)}.")
    if completed < clients:
        raise InvalidInput(
            f"{name} has fewer requests ({completed:.0f}) than clients ({clients:.0f}): send about "
            "ten for each client."
        )
    row = {
        **deployment,
        "batch_or_concurrency": str(clients),
        "isl": str(round(prompts / completed)),
        "osl": str(round(outputs / completed)),
        **{key: str(number(result, means) or "") for key, means in MEANS.items()},
    }
    return as_point(row, catalogue, name)


def as_point(row: Row, catalogue: Catalogue, name: str) -> Point:
    """A row of a points file as a point; raises InvalidInput that names the file."""
    check_row(row, name)
    try:
        return point_of(row, catalogue)
    except (ValueError, EngineError) as error:
        raise InvalidInput(f"{name} can't be used: {str(error).rstrip('.')}.") from error


def point_of_run(run: Run, deployment: Row, catalogue: Catalogue) -> Point:
    """A run as one point: its mean number of requests in flight, lengths and times.

    For several runs at several loads; one alone is fitted request by request.
    """
    series, arrival = run.times.series(), run.times.arrival_ps / 1e12
    e2e = series["e2e"]
    ends = arrival + e2e
    span = float(np.nanmax(ends) - arrival.min())
    lengths = (run.workload.prompt, run.workload.output)
    means = {"ttft_ms": series["ttft"], "tpot_ms": series["tpot"]}
    row = {
        **deployment,
        "batch_or_concurrency": str(max(1, round(float(np.nansum(e2e)) / span))),
        **{
            name: str(round(float(c.mean())))
            for name, c in zip(("isl", "osl"), lengths, strict=True)
        },
        **{name: mean_ms(values) for name, values in means.items()},
    }
    return as_point(row, catalogue, run.source)


def mean_ms(seconds: np.ndarray[tuple[int], np.dtype[np.float64]]) -> str:
    """The mean in milliseconds; '' where nothing was measured."""
    known = seconds[~np.isnan(seconds)]
    return str(float(known.mean()) * 1e3) if len(known) else ""


def number(result: Mapping[str, object], key: str) -> float | None:
    """A number of a result above 0 and below infinity; None if there is none."""
    value = result.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value < math.inf else None

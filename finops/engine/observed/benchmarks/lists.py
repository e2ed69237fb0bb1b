"""Results in which each figure is a list over the requests, as vLLM and SGLang write them."""

from __future__ import annotations

from collections.abc import Mapping
from heapq import heapify, heapreplace
from pathlib import Path

import numpy as np

from finops.engine.observed.run import Calls, InvalidRun
from finops.engine.result import Floats

NAMES = ("input_lens", "output_lens", "ttfts", "itls", "errors")


def calls_of(result: Mapping[str, object], path: Path, option: str) -> Calls:
    """The requests that got an answer; `option` is what makes the tool write lists.

    The end is the first token's time plus all gaps between chunks. Without start_times they are
    worked out where that can be done, see `starts`. Raises InvalidRun otherwise.
    """
    columns = {name: rows_of(result, name, path, option) for name in NAMES}
    if len({len(column) for column in columns.values()}) != 1:
        raise InvalidRun(f"{path.name}: its lists are not of the same length.")
    ttft = floats(columns["ttfts"], "ttfts", path)
    e2e = ttft + np.array([gaps(each, path) for each in columns["itls"]])
    prompt = floats(columns["input_lens"], "input_lens", path)
    output = floats(columns["output_lens"], "output_lens", path)
    begun = starts(result, e2e, path)
    good = np.array([not error for error in columns["errors"]], np.bool_) & (output > 0)
    return Calls(
        begun[good],
        prompt[good].astype(np.int64),
        output[good].astype(np.int64),
        ttft_s=np.where(ttft[good] > 0, ttft[good], np.nan),
        e2e_s=e2e[good],
    )


def rows_of(result: Mapping[str, object], name: str, path: Path, option: str) -> list[object]:
    """A list over the requests; raises InvalidRun if there is none."""
    found = result.get(name)
    if not isinstance(found, list):
        raise InvalidRun(f"{path.name} has no {name} by request: run the benchmark with {option}.")
    return found


def gaps(row: object, path: Path) -> float:
    """Seconds between the first chunk and the last."""
    return float(floats(row, "itls", path).sum())


def starts(result: Mapping[str, object], e2e: Floats, path: Path) -> Floats:
    """When each request was sent, in seconds on some clock.

    Some versions don't write it. With an infinite rate it follows from the rest: all at once, or,
    with a limit on requests at a time, each when one before it has ended.
    """
    if "start_times" in result:
        found = floats(result["start_times"], "start_times", path)
        if len(found) != len(e2e):
            raise InvalidRun(f"{path.name}: its lists are not of the same length.")
        return found
    if str(result.get("request_rate")) != "inf":
        raise InvalidRun(
            f"{path.name} doesn't say when requests were sent. Use a version of the benchmark that "
            "writes start_times, or an infinite request rate with a limit on concurrency."
        )
    limit = result.get("max_concurrency")
    return one_after_another(e2e, limit if isinstance(limit, int) else len(e2e))


def one_after_another(e2e: Floats, limit: int) -> Floats:
    """Starts in seconds if `limit` run at a time, in order, each when another has ended."""
    free = [0.0] * max(1, limit)
    heapify(free)
    begun = []
    for duration in e2e.tolist():
        begun.append(free[0])
        heapreplace(free, free[0] + duration)
    return np.array(begun)


def floats(values: object, name: str, path: Path) -> Floats:
    """A list of numbers; raises InvalidRun if it isn't one."""
    try:
        return np.array(values, np.float64).reshape(-1)
    except (TypeError, ValueError) as error:
        raise InvalidRun(f"{path.name}: {name} must be a list of numbers.") from error

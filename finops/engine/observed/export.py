"""A simulated run as a file, and back: what was asked, under which settings, and what came of it.

JSON lines. The first says how the engine and the clients behave: policy, setup, retries, and totals
of the result. Then a line for each request, in the order of the workload: the columns of the
workload as they were (so clients that follow, wait, retry or leave do it again in a replay), then
those of the result. Times are whole picoseconds; what says nothing is left out. Simulated again
with the same step time, the file's workload gives the same file, byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from finops.engine.decode import Undecodable, decode
from finops.engine.errors import EngineError
from finops.engine.observed.json_files import json_lines
from finops.engine.observed.run import InvalidRun, Run, SeenBy, Setup, Times
from finops.engine.policy import Policy
from finops.engine.result import Result
from finops.engine.workload import Column, Retry, Workload

SCHEMA = "inferledger-run/1"
# Columns, and the value that is left out.
ASKED = {
    "arrival_ps": None,
    "prompt": None,
    "output": None,
    "klass": 0,
    "timeout_ps": 0,
    "after": -1,
    "cancel_ps": 0,
}
SEEN = {
    "arrival_ps": -1,
    "scheduled_ps": -1,
    "first_ps": -1,
    "finish_ps": -1,
    "status": None,
    "attempts": 1,
    "cached": 0,
    "preempted": 0,
}


@dataclass(frozen=True)
class Totals:
    """What a result says of the whole run."""

    busy_ps: int
    start_ps: int
    end_ps: int
    steps: int
    computed_tokens: int


@dataclass(frozen=True)
class Exported:
    """What a file holds."""

    workload: Workload
    policy: Policy
    setup: Setup
    result: Result

    @property
    def run(self) -> Run:
        """The same as a recorded run, as the engine saw it."""
        times = Times.of(self.result)
        return Run(self.workload, times, self.setup, SeenBy.ENGINE, "simulated")


def export(workload: Workload, policy: Policy, result: Result, setup: Setup | None = None) -> str:
    """The text of the file."""
    head = {
        "schema": SCHEMA,
        "policy": asdict(policy),
        "setup": asdict(setup or Setup()),
        "retry": asdict(workload.retry),
        "totals": {field.name: getattr(result, field.name) for field in fields(Totals)},
        "hashed": workload.hashes is not None,
    }
    asked = {name: getattr(workload, name) for name in ASKED}
    seen = {name: getattr(result, name) for name in SEEN}
    lines = [compact(head)]
    for at in range(len(workload)):
        row: dict[str, object] = said(asked, ASKED, at)
        if workload.hashes is not None and workload.hashes[at]:
            row["hashes"] = list(workload.hashes[at])
        row["seen"] = said(seen, SEEN, at)
        lines.append(compact(row))
    return "\n".join(lines) + "\n"


def said(
    columns: Mapping[str, Column | None], silent: Mapping[str, int | None], at: int
) -> dict[str, object]:
    """The values of a row, without those that say nothing."""
    row = {name: int(column[at]) for name, column in columns.items() if column is not None}
    return {name: value for name, value in row.items() if value != silent[name]}


def compact(value: object) -> str:
    """JSON without spaces."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def read_export(path: Path) -> Exported:
    """What a file holds; raises InvalidRun that says what is wrong with it."""
    lines = list(json_lines(path))
    if not lines or lines[0].get("schema") != SCHEMA:
        raise InvalidRun(f"{path.name} is not an exported run: its schema must be {SCHEMA}.")
    head, rows = lines[0], lines[1:]
    try:
        workload = workload_of(head, rows, path)
        return Exported(
            workload,
            decode(Policy, head.get("policy"), "policy"),
            decode(Setup, head.get("setup"), "setup"),
            result_of(decode(Totals, head.get("totals"), "totals"), rows, workload, path),
        )
    except (EngineError, Undecodable) as error:
        raise InvalidRun(f"{path.name}: {error}") from error


def workload_of(head: Mapping[str, object], rows: list[dict[str, object]], path: Path) -> Workload:
    """What was asked."""
    asked = columns_of(rows, ASKED, path)
    return Workload(
        arrival_ps=asked["arrival_ps"],
        prompt=asked["prompt"],
        output=asked["output"],
        klass=asked["klass"],
        timeout_ps=asked["timeout_ps"],
        after=asked["after"],
        hashes=hashes_of(rows, path) if head.get("hashed") else None,
        retry=decode(Retry, head.get("retry"), "retry"),
        cancel_ps=asked["cancel_ps"] if asked["cancel_ps"].any() else None,
    )


def result_of(
    totals: Totals, rows: list[dict[str, object]], workload: Workload, path: Path
) -> Result:
    """What came of it."""
    outcomes = [row.get("seen") for row in rows]
    found = [outcome for outcome in outcomes if isinstance(outcome, dict)]
    if len(found) < len(rows):
        raise InvalidRun(f"{path.name}: every request needs seen, which is what came of it.")
    seen = columns_of(found, SEEN, path)
    return Result(
        arrival_ps=seen["arrival_ps"],
        scheduled_ps=seen["scheduled_ps"],
        first_ps=seen["first_ps"],
        finish_ps=seen["finish_ps"],
        output=workload.output,
        status=seen["status"],
        attempts=seen["attempts"],
        cached=seen["cached"],
        preempted=seen["preempted"],
        busy_ps=totals.busy_ps,
        start_ps=totals.start_ps,
        end_ps=totals.end_ps,
        steps=totals.steps,
        computed_tokens=totals.computed_tokens,
    )


def columns_of(
    rows: list[dict[str, object]], silent: Mapping[str, int | None], path: Path
) -> dict[str, Column]:
    """The columns of the rows; raises InvalidRun for what is missing or no whole number."""
    found = {}
    for name, default in silent.items():
        values = [row.get(name, default) for row in rows]
        whole = [value for value in values if type(value) is int and abs(value) < 2**63]
        if len(whole) < len(values):
            raise InvalidRun(f"{path.name}: every request needs a whole number as {name}.")
        found[name] = np.array(whole, np.int64)
    return found


def hashes_of(rows: list[dict[str, object]], path: Path) -> list[tuple[int, ...]]:
    """The hash chains; raises InvalidRun for one that isn't made of whole numbers."""
    chains = []
    for row in rows:
        chain = row.get("hashes", [])
        if not isinstance(chain, list) or not all(type(link) is int for link in chain):
            raise InvalidRun(f"{path.name}: hashes must be lists of whole numbers.")
        chains.append(tuple(chain))
    return chains

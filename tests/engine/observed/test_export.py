"""A simulated run as a file: read again and simulated again, it is the same file."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from finops.engine.executor import LinearStepTime
from finops.engine.observed.engine_loop import EngineLoop
from finops.engine.observed.export import Exported, export, read_export
from finops.engine.observed.run import InvalidRun, SeenBy, Setup
from finops.engine.policy import Policy, ServiceClass
from finops.engine.result import Result
from finops.engine.simulate import simulate
from finops.engine.workload import Request, Retry, Workload
from tests.engine.drawn import cases, difference

Case = tuple[Workload, Policy, LinearStepTime]


def read_back(text: str) -> Exported:
    """What is in a file of this text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.jsonl"
        path.write_text(text, "utf-8")
        return read_export(path)


@given(cases())
@settings(max_examples=150, deadline=None)
def test_a_run_that_is_exported_and_simulated_again_is_the_same_to_the_byte(case: Case) -> None:
    # With prefixes, classes, next turns, timeouts and retries: the file says what clients do, so
    # their retries are made again, not taken from the file.
    workload, policy, step_time = case
    text = export(workload, policy, simulate(workload, policy, step_time))
    found = read_back(text)
    again = simulate(found.workload, found.policy, step_time)
    assert difference(found.result, again) == []
    assert export(found.workload, found.policy, again, found.setup) == text


@given(cases(patient=True))
@settings(max_examples=40, deadline=None)
def test_a_run_of_ranks_with_overlap_replays_to_itself(case: Case) -> None:
    workload, policy, step_time = case
    rows = [Request(9 * at, int(n), 5) for at, n in enumerate(workload.prompt)]
    workload = Workload.of(rows)
    policy = Policy(policy.blocks, max_seqs=policy.max_seqs, max_tokens=policy.max_tokens)
    setup = Setup(ranks=2, expert_parallel=True, overlap=True)

    def served(flow: Workload, by: Policy, at: Setup) -> Result:
        return EngineLoop(flow, by, step_time, at).run()

    text = export(workload, policy, served(workload, policy, setup), setup)
    found = read_back(text)
    again = served(found.workload, found.policy, found.setup)
    assert export(found.workload, found.policy, again, found.setup) == text


def overloaded() -> Case:
    """Three times as many requests as can be served, with prefixes, retries and timeouts."""
    rng = np.random.default_rng(7)
    rows = [
        Request(
            at * 1_000,
            prompt=int(rng.integers(20, 200)),
            output=int(rng.integers(5, 60)),
            timeout_ps=400_000 if at % 3 else None,
            hashes=tuple(range(at % 5 * 100, at % 5 * 100 + 3)),
            cancel_ps=90_000 if at % 11 == 5 else None,
        )
        for at in range(400)
    ]
    workload = Workload.of(rows, Retry(3, 20_000, 0.5, seed=2))
    policy = Policy(60, max_seqs=8, max_tokens=64, classes=(ServiceClass(max_queue=150),))
    return workload, policy, LinearStepTime(500, token_ps=2, row_ps=10, kv_ps=1)


def test_a_run_far_beyond_capacity_replays_to_itself() -> None:
    # BLIS #1032: where requests queued, a replay of the trace was off eleven times.
    workload, policy, step_time = overloaded()
    result = simulate(workload, policy, step_time)
    assert result.queue_s().max() > 5 * (workload.arrival_ps[1] - workload.arrival_ps[0]) / 1e12
    assert len(set(result.status.tolist())) > 2  # finished, timed out, and more
    assert result.attempts.max() > 1
    text = export(workload, policy, result)
    found = read_back(text)
    again = simulate(found.workload, found.policy, step_time)
    assert export(found.workload, found.policy, again) == text
    assert found.run.times.series()["e2e"][result.finished] == pytest.approx(result.e2e_s())


def test_a_file_says_what_was_asked_and_what_came_of_it() -> None:
    workload = Workload.of([Request(7, 20, 2, hashes=(2**64 - 1, 5)), Request(9, 5, 1)])
    policy = Policy(10)
    text = export(workload, policy, simulate(workload, policy, LinearStepTime(100)))
    head, first, second = map(json.loads, text.splitlines())
    assert head["schema"] == "inferledger-run/1"
    assert head["policy"]["blocks"] == 10
    assert first == {
        "arrival_ps": 7,
        "prompt": 20,
        "output": 2,
        "hashes": [2**64 - 1, 5],
        "seen": {
            "arrival_ps": 7,
            "scheduled_ps": 7,
            "first_ps": 107,
            "finish_ps": 207,
            "status": 2,
        },
    }
    assert "hashes" not in second
    run = read_back(text).run
    assert run.seen_by is SeenBy.ENGINE
    assert run.workload.hashes == [(2**64 - 1, 5), ()]


def tampered(at: int, change: dict[str, object]) -> str:
    """A good file with one line changed."""
    workload = Workload.of([Request(0, 5, 1, hashes=(3,))])
    result = simulate(workload, Policy(10), LinearStepTime(100))
    lines = [json.loads(line) for line in export(workload, Policy(10), result).splitlines()]
    lines[at] |= change
    return "\n".join(json.dumps(line) for line in lines)


@pytest.mark.parametrize(
    ("at", "change", "says"),
    [
        (0, {"schema": "other/1"}, "its schema must be inferledger-run/1"),
        (0, {"totals": {"steps": 1}}, "totals.busy_ps is missing"),
        (0, {"policy": {"blocks": 0}}, "blocks must be at least 1"),
        (0, {"retry": {"attempts": "two"}}, "retry.attempts must be a whole number"),
        (0, {"setup": {"speed": 1}}, "setup.speed is not known"),
        (1, {"prompt": 0}, "at least one prompt"),
        (1, {"prompt": 1.5}, "whole number as prompt"),
        (1, {"prompt": True}, "whole number as prompt"),
        (1, {"arrival_ps": 2**70}, "whole number as arrival_ps"),
        (1, {"hashes": ["x"]}, "hashes must be lists of whole numbers"),
        (1, {"seen": None}, "every request needs seen"),
        (1, {"seen": {}}, "whole number as status"),
        (1, {"after": 4}, "can only follow"),
    ],
)
def test_a_file_that_was_changed_is_refused_with_the_reason(
    at: int, change: dict[str, object], says: str
) -> None:
    with pytest.raises(InvalidRun, match=says):
        read_back(tampered(at, change))


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(InvalidRun, match="not an exported run"):
        read_back("")

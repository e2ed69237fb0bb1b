"""When the demo's requests arrive: real order, ends together, thinned or repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from finops.demo.arrivals import arrivals, measure, shipped_traces
from finops.replay.readers.trace import TraceMalformed


def servegen(path: Path, rows: list[tuple[float, str]]) -> Path:
    lines = [f"{at},{client},10,1" for at, client in rows]
    path.write_text("\n".join(["t,client,input,output", *lines]) + "\n")
    return path


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    return servegen(tmp_path / "slow.csv", [(0.0, "a"), (50.0, "a"), (100.0, "a")])


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    return servegen(tmp_path / "quick.csv", [(0.0, "b"), (2.0, "b"), (10.0, "b")])


def test_a_trace_is_measured_to_its_last_arrival(slow: Path) -> None:
    trace = measure(slow, "servegen")
    assert (trace.requests, trace.span_s) == (3, 100.0)


def test_a_broken_last_line_is_found_before_anything_is_played(slow: Path) -> None:
    slow.write_text(slow.read_text() + "101,a,10\n")
    with pytest.raises(TraceMalformed, match=r"slow\.csv:5"):
        measure(slow, "servegen")


def test_a_single_trace_keeps_its_times(slow: Path) -> None:
    found = arrivals([measure(slow, "servegen")], 3)
    assert [arrival.before_end_s for arrival in found] == [100.0, 50.0, 0.0]


def test_a_shorter_trace_is_stretched_and_merged_in_order(slow: Path, quick: Path) -> None:
    traces = [measure(slow, "servegen"), measure(quick, "servegen")]
    found = [(a.request.client, a.before_end_s) for a in arrivals(traces, 6)]
    assert found == [("a", 100), ("b", 100), ("b", 80), ("a", 50), ("a", 0), ("b", 0)]


def test_more_than_was_recorded_repeats_it_in_the_hours_before(slow: Path) -> None:
    found = [a.before_end_s for a in arrivals([measure(slow, "servegen")], 6)]
    assert found == [3700, 3650, 3600, 100, 50, 0]


def test_a_trace_of_one_moment_needs_no_stretching(tmp_path: Path, slow: Path) -> None:
    moment = servegen(tmp_path / "moment.csv", [(0.0, "c")])
    traces = [measure(slow, "servegen"), measure(moment, "servegen")]
    assert [a.before_end_s for a in arrivals(traces, 4) if a.request.client == "c"] == [0]


@pytest.mark.parametrize("wanted", [100, 5000, 29_375, 60_000])
def test_about_as_many_requests_as_wanted_are_played_in_order(wanted: int) -> None:
    found = [arrival.before_end_s for arrival in arrivals(shipped_traces(), wanted)]
    # each client of each lap may round up by one
    assert wanted <= len(found) <= wanted + 18 * 3
    assert found == sorted(found, reverse=True)
    assert found[-1] >= 0

"""/metrics: what it says, and to whom."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ingest.errors import Unauthenticated
from ingest.exposition import Exposition, expose
from ingest.loader import write_progress
from tests.ingest.loading import write_segment
from tests.ingest.payloads import Span, request

COUNTS = {
    "requests_traces": 3,
    "bytes_traces": 1000,
    "spans": 7,
    "spans_rejected": 2,
    "points": 5,
    "points_ignored_unknown_metric": 4,
    "refused_traces_too_large": 1,
    "refused_other_not_served": 6,
    "refused_413": 1,
    "content_dropped": 9,
}


def read(text: bytes) -> dict[tuple[str, ...], float]:
    """Return every sample by its name and the values of its labels, the signal first."""
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            labels = sorted(sample.labels, key=lambda name: name != "signal")
            name = sample.name.removeprefix("inferledger_ingest_")
            found[(name, *(sample.labels[label] for label in labels))] = sample.value
    return found


def scope(client: str, **headers: str) -> dict[str, Any]:
    names = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    return {"client": (client, 50000), "headers": names}


def answer(exposition: Exposition, of: Mapping[str, Any]) -> int:
    status, _, _ = asyncio.run(exposition(dict(of)))
    return status


def test_the_receivers_counters_carry_signal_and_reason(tmp_path: Path) -> None:
    told = read(expose(COUNTS, tmp_path))
    assert told[("requests_total", "traces")] == 3
    assert told[("received_bytes_total", "traces")] == 1000
    assert told[("received_total", "traces")] == 7
    assert told[("received_total", "metrics")] == 5
    assert told[("rejected_total", "traces")] == 2
    assert told[("ignored_total", "metrics", "unknown_metric")] == 4
    assert told[("refused_requests_total", "traces", "too_large")] == 1
    assert told[("refused_requests_total", "", "not_served")] == 6
    assert told[("content_dropped_total",)] == 9


def test_spool_and_loader_of_each_signal_are_told(tmp_path: Path) -> None:
    write_segment(tmp_path, request(Span({"gen_ai.system": "x"})))
    totals = {"received": 11, "segments": 2, "rows": {"calls": 8}, "ignored": {"no_dialect": 3}}
    write_progress(tmp_path, {**totals, "dialects": {"gen_ai": 8}})
    told = read(expose({}, tmp_path))
    assert told[("spool_segments", "traces")] == 1
    assert told[("spool_bytes", "traces")] > 100
    assert told[("spool_oldest_seconds", "traces")] > 0
    assert told[("quarantined_segments", "traces")] == 0
    assert told[("loader_received_total", "traces")] == 11
    assert told[("loader_rows_total", "traces", "calls")] == 8
    assert told[("loader_ignored_total", "traces", "no_dialect")] == 3
    assert told[("loader_stored_total", "traces", "gen_ai")] == 8


def test_an_empty_installation_has_numbers_too(tmp_path: Path) -> None:
    told = read(expose({}, tmp_path))
    assert told[("received_total", "traces")] == 0
    assert told[("spool_oldest_seconds", "traces")] == 0


@pytest.mark.parametrize(
    ("token", "of", "may"),
    [
        ("", scope("127.0.0.1"), True),
        ("", scope("::1"), True),
        ("", scope("10.0.0.8"), False),
        ("", scope("127.0.0.1", x_forwarded_for="10.0.0.8"), False),
        ("s3cret", scope("10.0.0.8", authorization="Bearer s3cret"), True),
        ("s3cret", scope("10.0.0.8", authorization="Bearer wrong"), False),
        ("s3cret", scope("127.0.0.1"), False),
    ],
)
def test_metrics_are_for_this_machine_or_who_has_the_token(
    tmp_path: Path, token: str, of: dict[str, Any], may: bool
) -> None:
    exposition = Exposition({}, tmp_path, token)
    if may:
        assert answer(exposition, of) == 200
    else:
        with pytest.raises(Unauthenticated, match="FINOPS_METRICS_TOKEN"):
            answer(exposition, of)


def test_a_damaged_progress_file_hides_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "loader.json").write_text(json.dumps({"received": 1})[:-1])
    assert read(expose(COUNTS, tmp_path))[("received_total", "traces")] == 7

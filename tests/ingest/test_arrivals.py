"""What arrived is written down by workspace, dialect and emitter as it is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from finops.clickhouse.client import Warehouse
from ingest.batch import finish, next_batch
from ingest.load import load
from tests.ingest.loading import NOW, WORKSPACE, load_all, take, write_segment
from tests.ingest.payloads import Span, request

CALL = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
STEP = {"gen_ai.operation.name": "execute_tool"}


def ids(*spans: dict[str, Any]) -> list[Span]:
    return [Span(each, span_id=bytes([n + 1]) * 8) for n, each in enumerate(spans)]


def arrivals(ch: Warehouse) -> list[tuple[Any, ...]]:
    rows = ch.query(
        "SELECT workspace_id, signal, dialect, emitter, sum(received) AS n, sum(calls) AS c"
        " FROM arrivals FINAL GROUP BY ALL ORDER BY ALL"
    )
    return [tuple(row.values()) for row in rows]


def test_spans_and_the_calls_that_they_became_are_counted(ch: Warehouse, tmp_path: Path) -> None:
    take(
        ch,
        tmp_path,
        request(*ids(CALL, STEP, CALL), scope="openai", version="2"),
        request(Span(CALL, trace_id=b"u" * 16), scope="bare", version=""),
    )
    assert arrivals(ch) == [
        (WORKSPACE, "traces", "gen_ai", "bare", 1, 1),
        (WORKSPACE, "traces", "gen_ai", "openai@2", 3, 2),
    ]


def test_spans_that_speak_no_dialect_are_counted_though_stored_nowhere(
    ch: Warehouse, tmp_path: Path
) -> None:
    http = {"http.request.method": "GET"}
    take(ch, tmp_path, request(*ids(http, CALL, http), scope="web", version="1"))
    assert arrivals(ch) == [
        (WORKSPACE, "traces", "", "", 2, 0),
        (WORKSPACE, "traces", "gen_ai", "web@1", 1, 1),
    ]


def test_a_batch_that_is_loaded_again_counts_once(ch: Warehouse, tmp_path: Path) -> None:
    write_segment(tmp_path, request(*ids(CALL, {"http.request.method": "GET"})))
    batch = next_batch(tmp_path)
    assert batch is not None
    first = load(ch, batch, str(tmp_path), NOW)
    again = next_batch(tmp_path)
    assert again is not None
    assert load(ch, again, str(tmp_path), NOW) == first
    finish(again)
    assert [row[4:] for row in arrivals(ch)] == [(1, 0), (1, 1)]


def test_every_segment_of_a_batch_has_its_own_rows(ch: Warehouse, tmp_path: Path) -> None:
    names = {write_segment(tmp_path, request(*ids(CALL))) for _ in range(3)}
    load_all(ch, tmp_path)
    assert {row["segment"] for row in ch.query("SELECT segment FROM arrivals")} == names

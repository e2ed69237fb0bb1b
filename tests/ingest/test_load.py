"""Loading is exactly once, wherever it is cut off."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from finops.clickhouse.client import Warehouse
from finops.clickhouse.errors import Unavailable
from ingest.batch import Batch, next_batch
from ingest.load import load
from ingest.record import Stamp, encode
from ingest.signal import Loaded, Undecodable, Unseen
from tests.ingest.loading import NOW, WORKSPACE, calls, count, load_all, take, write_segment
from tests.ingest.payloads import SECOND_NS, Span, request

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
MIXED = (
    Span(CHAT, span_id=b"1" * 8),
    Span(CHAT | {"finops.tenant.id": "acme"}, span_id=b"2" * 8),
    Span({"openinference.span.kind": "LLM", "llm.model_name": "m"}, span_id=b"3" * 8),
    Span({"gen_ai.operation.name": "execute_tool"}, span_id=b"4" * 8),
    Span({"http.route": "/"}, span_id=b"5" * 8),
)


class CutOff(Warehouse):
    """A connection that breaks when some statements are done, before they are answered."""

    def __init__(self, ch: Warehouse, statements: int) -> None:
        super().__init__(ch._client)
        self.left = statements

    def step(self, act: Any) -> Any:
        result = act()
        self.left -= 1
        if self.left < 0:
            raise Unavailable("cut off")
        return result

    def query(self, sql: str, params: Any = None, *, settings: Any = None) -> Any:
        return self.step(lambda: super(CutOff, self).query(sql, params, settings=settings))

    def command(self, sql: str, params: Any = None, *, settings: Any = None) -> Any:
        return self.step(lambda: super(CutOff, self).command(sql, params, settings=settings))

    def insert(self, table: str, columns: Any, *, settings: Any = None) -> Any:
        return self.step(lambda: super(CutOff, self).insert(table, columns, settings=settings))


def begun(folder: Path) -> Batch:
    batch = next_batch(folder)
    assert batch is not None
    return batch


def all_calls(number: int) -> Loaded:
    rows = {"spans": number, "calls": number}
    return Loaded(segments=1, received=number, rows=rows, dialects={"gen_ai": number})


def tables(ch: Warehouse) -> Sequence[int]:
    return [count(ch, table) for table in ("spans", "calls", "segments")]


def test_a_batch_tells_what_it_gave(ch: Warehouse, tmp_path: Path) -> None:
    write_segment(tmp_path, request(*MIXED), request(Span(CHAT, span_id=b"6" * 8)))
    write_segment(tmp_path, request(Span(CHAT, span_id=b"7" * 8)))
    assert load_all(ch, tmp_path) == [
        Loaded(
            segments=2,
            received=7,
            rows={"spans": 6, "calls": 5},
            ignored={"no_dialect": 1, "not_a_call": 1},
            dialects={"gen_ai": 4, "finops": 1, "openinference": 1},
        )
    ]
    assert list(tmp_path.iterdir()) == []


def test_each_segment_is_written_down_for_the_charge_job(ch: Warehouse, tmp_path: Path) -> None:
    first = write_segment(tmp_path, request(*MIXED))
    second = write_segment(tmp_path, request(Span({"http.route": "/"})))
    load_all(ch, tmp_path)
    rows = ch.query("SELECT segment, spans, calls, charged, version FROM segments ORDER BY segment")
    assert rows == [
        {"segment": first, "spans": 4, "calls": 3, "charged": 0, "version": 0},
        {"segment": second, "spans": 0, "calls": 0, "charged": 0, "version": 0},
    ]


@pytest.mark.parametrize("statements", range(8))
def test_a_load_cut_off_anywhere_and_repeated_gives_each_row_once(
    ch: Warehouse, tmp_path: Path, statements: int
) -> None:
    write_segment(tmp_path, request(*MIXED))
    write_segment(tmp_path, request(Span(CHAT, span_id=b"6" * 8)))
    with pytest.raises(Unavailable):
        load(CutOff(ch, statements), begun(tmp_path), str(tmp_path), NOW)
    load_all(ch, tmp_path)
    assert tables(ch) == [5, 4, 2]


def test_a_load_repeated_whole_gives_each_row_once(ch: Warehouse, tmp_path: Path) -> None:
    write_segment(tmp_path, request(*MIXED))
    for _ in range(3):
        load(ch, begun(tmp_path), str(tmp_path), NOW)
    assert tables(ch) == [4, 3, 1]


def test_a_request_sent_twice_is_one_call(ch: Warehouse, tmp_path: Path) -> None:
    take(ch, tmp_path, request(*MIXED))
    take(ch, tmp_path, request(*MIXED))
    assert len(calls(ch)) == 3


def test_the_same_span_of_two_workspaces_is_two_calls(ch: Warehouse, tmp_path: Path) -> None:
    take(ch, tmp_path, request(Span(CHAT)))
    ch.command("INSERT INTO calls SELECT * REPLACE (7 AS workspace_id) FROM calls")
    assert sorted(row["workspace_id"] for row in calls(ch)) == [7, WORKSPACE]


def test_what_was_received_can_be_shown(ch: Warehouse, tmp_path: Path) -> None:
    attributes = CHAT | {
        "text": "a",
        "flag": False,
        "whole": -7,
        "real": 2.5,
        "list": ["x", 'y"'],
        "raw": b"\x00",
    }
    message = "TimeoutError"
    span = Span(attributes, parent_span_id=b"p" * 8, status=2, status_message=message, kind=3)
    write_segment(tmp_path, request(span, resource={"service.name": "shop", "zone": "b"}))
    load_all(ch, tmp_path)
    (row,) = ch.query(
        "SELECT attributes, resource, name, kind, status_code, status_message, scope_name,"
        " hex(trace_id) AS trace, hex(parent_span_id) AS parent, workspace_id, dialect FROM spans"
    )
    assert row == {
        "attributes": CHAT
        | {
            "text": "a",
            "flag": "false",
            "whole": "-7",
            "real": "2.5",
            "list": '["x","y\\""]',
            "raw": "",
        },
        "resource": {"service.name": "shop", "zone": "b"},
        "name": "chat",
        "kind": 3,
        "status_code": 2,
        "status_message": "TimeoutError",
        "scope_name": "test",
        "trace": b"t".hex() * 16,
        "parent": b"p".hex() * 8,
        "workspace_id": WORKSPACE,
        "dialect": "gen_ai",
    }


def test_a_folder_that_clickhouse_does_not_see_is_no_empty_spool(
    ch: Warehouse, tmp_path: Path
) -> None:
    name = write_segment(tmp_path, request(*MIXED))
    with pytest.raises(Unseen, match="sees 0 of 1 requests"):
        load(ch, begun(tmp_path), str(tmp_path / "elsewhere"), NOW)
    assert tables(ch) == [0, 0, 0]
    assert (tmp_path / f"{name}.seg").exists()


def test_a_segment_that_is_no_protobuf_stores_nothing(ch: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "0000000000000000001-bad.seg").write_bytes(b"\x05\xff\xff\xff\xff\xff")
    with pytest.raises(Undecodable):
        load(ch, begun(tmp_path), str(tmp_path), NOW)
    assert tables(ch) == [0, 0, 0]


def test_a_large_request_is_loaded_whole(ch: Warehouse, tmp_path: Path) -> None:
    spans = [Span(CHAT, span_id=n.to_bytes(8, "big")) for n in range(1, 20_001)]
    write_segment(tmp_path, request(*spans))
    assert load_all(ch, tmp_path) == [all_calls(20_000)]


def test_one_request_may_reach_back_over_any_number_of_months(
    ch: Warehouse, tmp_path: Path
) -> None:
    # All of it in years to come: what is old enough is forgotten at once.
    year = NOW.year + 1
    firsts = [datetime(year + n // 12, n % 12 + 1, 1, tzinfo=UTC) for n in range(120)]
    spans = [
        Span(CHAT, span_id=bytes([n] * 8), start_ns=int(first.timestamp()) * SECOND_NS)
        for n, first in enumerate(firsts, 1)
    ]
    received_ms = int(datetime(year + 10, 1, 2, tzinfo=UTC).timestamp()) * 1000
    record = encode(request(*spans), Stamp(WORKSPACE, 1, received_ms, len(spans)))
    (tmp_path / f"{received_ms}000000-late.seg").write_bytes(record)
    assert load_all(ch, tmp_path) == [all_calls(120)]

"""What ClickHouse refuses is set aside, request by request, and the rest is loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from finops.clickhouse.client import Warehouse, connect
from finops.clickhouse.errors import QueryFailed, QueryTimeout, kind_of
from ingest.load import TRACES, rehearse
from ingest.loader import Loader
from ingest.record import Record, Stamp, encode, read_records
from ingest.salvage import find_bad, salvage
from ingest.segments import QUARANTINE, measure
from tests.ingest.loading import RECEIVED_AT_MS, calls, count, lend, load_all, write_segment
from tests.ingest.payloads import Span, request

NOW = datetime(2026, 11, 21, tzinfo=UTC)
TIGHT_BYTES = 30 * 1024**2
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
# A trace id that ClickHouse can't store; the receiver would have left the span out.
BAD = request(Span(CHAT, trace_id=b"t" * 20))


def good(number: int) -> bytes:
    return request(Span(CHAT, span_id=bytes([number] * 8)))


def test_only_the_refused_request_is_set_aside(ch: Warehouse, tmp_path: Path) -> None:
    name = write_segment(tmp_path, good(1), good(2), BAD, good(3), clean=False)
    path = tmp_path / f"{name}.seg"
    assert salvage(ch, path, str(tmp_path), NOW, TRACES)
    load_all(ch, tmp_path)
    assert [row["span"] for row in calls(ch)] == ["01" * 8, "02" * 8, "03" * 8]
    aside = tmp_path / QUARANTINE
    (record,) = read_records((aside / path.name).read_bytes())
    assert record.body == BAD
    refusal = json.loads((aside / f"{name}.json").read_text())
    assert (refusal["segment"], refusal["requests"]) == (name, 1)
    assert refusal["reason"] == "TOO_LARGE_STRING_SIZE (code 131 of ClickHouse)"


def test_a_reason_quotes_nothing_that_was_sent() -> None:
    error = QueryFailed("DB::Exception: Cannot parse string 'my secret' as UInt64", 6)
    assert kind_of(error) == "CANNOT_PARSE_TEXT (code 6 of ClickHouse)"
    assert kind_of(QueryTimeout("my secret", 999_999)) == "QueryTimeout (code 999999 of ClickHouse)"


def test_a_request_that_is_only_written_oddly_is_written_again(
    ch: Warehouse, tmp_path: Path
) -> None:
    # true as the number 2: the protobuf runtime reads it, ClickHouse refuses to
    streamed = request(Span(CHAT | {"gen_ai.request.stream": True}, span_id=b"o" * 8))
    odd = streamed.replace(b"\x12\x02\x10\x01", b"\x12\x02\x10\x02")
    assert odd != streamed
    name = write_segment(tmp_path, good(1), odd, clean=False)
    assert salvage(ch, tmp_path / f"{name}.seg", str(tmp_path), NOW, TRACES)
    load_all(ch, tmp_path)
    assert [row["span"] for row in calls(ch)] == ["01" * 8, "6F" * 8]
    assert not (tmp_path / QUARANTINE).exists()


def test_a_segment_with_nothing_wrong_is_left_as_it_is(ch: Warehouse, tmp_path: Path) -> None:
    name = write_segment(tmp_path, good(1))
    before = (tmp_path / f"{name}.seg").read_bytes()
    assert not salvage(ch, tmp_path / f"{name}.seg", str(tmp_path), NOW, TRACES)
    assert (tmp_path / f"{name}.seg").read_bytes() == before


def test_where_clickhouse_refuses_everything_nothing_is_set_aside(
    ch: Warehouse, tmp_path: Path
) -> None:
    name = write_segment(tmp_path, BAD, clean=False)
    assert not salvage(ch, tmp_path / f"{name}.seg", "/no/such/folder", NOW, TRACES)
    assert not (tmp_path / QUARANTINE).exists()


def test_a_damaged_segment_gives_what_is_whole(ch: Warehouse, tmp_path: Path) -> None:
    name = write_segment(tmp_path, good(1))
    path = tmp_path / f"{name}.seg"
    path.write_bytes(path.read_bytes() + b"\x09damaged")
    assert salvage(ch, path, str(tmp_path), NOW, TRACES)
    load_all(ch, tmp_path)
    assert len(calls(ch)) == 1
    assert (tmp_path / QUARANTINE / path.name).read_bytes() == b"\x09damaged"


@pytest.mark.django_db
def test_the_loader_steps_over_bad_segments(ch: Warehouse, tmp_path: Path) -> None:
    write_segment(tmp_path, good(1), name=f"{RECEIVED_AT_MS}000001-a")
    write_segment(tmp_path, BAD, good(2), clean=False, name=f"{RECEIVED_AT_MS}000002-b")
    write_segment(tmp_path, BAD, clean=False, name=f"{RECEIVED_AT_MS}000003-c")
    write_segment(tmp_path, good(3), name=f"{RECEIVED_AT_MS}000004-d")
    loader = Loader(tmp_path, str(tmp_path), lend(ch))
    for _ in range(20):
        loader.step()
    assert [row["span"] for row in calls(ch)] == ["01" * 8, "02" * 8, "03" * 8]
    assert count(ch, "spans") == 3
    depth = measure(tmp_path)
    assert (depth.segments, depth.quarantined) == (0, 2)


@pytest.fixture
def tight(ch: Warehouse) -> Iterator[Warehouse]:
    """A ClickHouse that gives a statement little memory."""
    ch._client.settings["max_memory_usage"] = TIGHT_BYTES
    yield ch
    del ch._client.settings["max_memory_usage"]


def heavy(spans: int, first: int) -> bytes:
    attributes = CHAT | {f"key.{number}": "v" * 50 for number in range(20)}
    ids = range(first, first + spans)
    return request(*(Span(attributes, span_id=number.to_bytes(8, "big")) for number in ids))


def work(folder: Path, ch: Warehouse, steps: int) -> None:
    loader = Loader(folder, str(folder), lend(ch))
    for _ in range(steps):
        loader.step()


@pytest.mark.django_db
def test_a_request_that_is_always_too_much_is_set_aside_and_the_others_are_loaded(
    tight: Warehouse, tmp_path: Path
) -> None:
    write_segment(tmp_path, good(1), name=f"{RECEIVED_AT_MS}000001-a")
    write_segment(tmp_path, good(2), heavy(6_000, 1000), name=f"{RECEIVED_AT_MS}000002-b")
    write_segment(tmp_path, good(3), name=f"{RECEIVED_AT_MS}000003-c")
    work(tmp_path, tight, 2)
    assert measure(tmp_path).quarantined == 0
    work(tmp_path, tight, 20)
    assert [row["span"] for row in calls(tight)] == ["01" * 8, "02" * 8, "03" * 8]
    depth = measure(tmp_path)
    assert (depth.segments, depth.quarantined) == (0, 1)


@pytest.mark.django_db
def test_requests_that_are_too_much_together_are_loaded_apart(
    tight: Warehouse, tmp_path: Path
) -> None:
    write_segment(tmp_path, *(heavy(500, 1 + 500 * part) for part in range(8)))
    work(tmp_path, tight, 40)
    depth = measure(tmp_path)
    assert (depth.segments, depth.quarantined) == (0, 0)
    assert len(calls(tight, ["segment"])) == 4_000
    assert len({row["segment"] for row in calls(tight, ["segment"])}) > 1


@pytest.mark.django_db
def test_what_fails_only_when_it_becomes_a_call_is_set_aside(ch: Warehouse, tmp_path: Path) -> None:
    ch.command("ALTER TABLE calls ADD CONSTRAINT known CHECK model_requested != 'odd'")
    odd = request(Span(CHAT | {"gen_ai.request.model": "odd"}, span_id=b"o" * 8))
    write_segment(tmp_path, good(1), odd, good(2))
    write_segment(tmp_path, good(3))
    work(tmp_path, ch, 10)
    assert [row["span"] for row in calls(ch)] == ["01" * 8, "02" * 8, "03" * 8]
    depth = measure(tmp_path)
    assert (depth.segments, depth.quarantined) == (0, 1)


def test_while_clickhouse_is_away_nothing_is_set_aside(tmp_path: Path) -> None:
    write_segment(tmp_path, good(1))
    work(tmp_path, connect("clickhouse://nobody:x@127.0.0.1:1/none"), 10)
    depth = measure(tmp_path)
    assert (depth.segments, depth.quarantined) == (1, 0)


def test_a_rehearsal_leaves_nothing_behind(ch: Warehouse, tmp_path: Path) -> None:
    name = write_segment(tmp_path, good(1))
    rehearse(ch, str(tmp_path / f"{name}.seg"))
    assert (count(ch, "spans"), count(ch, "calls")) == (0, 0)
    load_all(ch, tmp_path)
    assert (count(ch, "spans"), count(ch, "calls")) == (1, 1)


def test_halving_finds_exactly_the_bad_ones() -> None:
    records = [Record(n, 1, bytes([n]), Stamp(0, 0, 0, 0)) for n in range(50)]
    bad = {3, 4, 17, 49}

    def refuses(some: list[Record]) -> str:
        return "bad" if any(record.offset in bad for record in some) else ""

    assert set(find_bad(records, refuses)) == bad  # type: ignore[arg-type]
    assert find_bad([], refuses) == {}  # type: ignore[arg-type]


def test_a_record_written_again_is_the_same() -> None:
    data = encode(b"body", Stamp(1, 2, 3, 4))
    (record,) = read_records(data)
    assert encode(record.body, record.stamp) == data

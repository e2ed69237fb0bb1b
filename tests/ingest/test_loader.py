"""The loader goes on, whatever stands in its way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from finops.clickhouse.client import Warehouse, connect
from finops.clickhouse.errors import Unavailable
from finops.health.heartbeat import LOADED, last_beat
from ingest.loader import BEAT, Loader, loaded_to, only_loader, read_progress
from ingest.record import Stamp, encode
from ingest.segments import OPEN, SEALED, list_sealed, measure
from tests.ingest.loading import NOW, RECEIVED_AT_MS, calls, count, lend, write_segment
from tests.ingest.payloads import Span, request
from tests.ingest.waiting import wait_until

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
NOWHERE = "clickhouse://nobody:x@127.0.0.1:1/none"


def body(number: int) -> bytes:
    return request(Span(CHAT, span_id=bytes([number] * 8)))


class Way:
    """A way to ClickHouse that can be closed."""

    def __init__(self, ch: Warehouse) -> None:
        self.ch = ch
        self.open = True

    @contextmanager
    def __call__(self) -> Iterator[Warehouse]:
        yield self.ch if self.open else connect(NOWHERE)


def test_while_clickhouse_is_away_everything_waits_in_order(ch: Warehouse, tmp_path: Path) -> None:
    way = Way(ch)
    way.open = False
    loader = Loader(tmp_path, str(tmp_path), way)
    names = [write_segment(tmp_path, body(number)) for number in (1, 2)]
    waits = [loader.step() for _ in range(8)]
    assert waits == sorted(waits)
    assert waits[0] < waits[-1] <= 10
    names.append(write_segment(tmp_path, body(3)))
    assert [segment.name for segment in list_sealed(tmp_path)] == sorted(names)
    way.open = True
    loader.step()
    loader.step()
    assert [row["span"] for row in calls(ch)] == ["01" * 8, "02" * 8, "03" * 8]
    assert list_sealed(tmp_path) == []


def test_a_missing_table_is_no_reason_to_set_anything_aside(ch: Warehouse, tmp_path: Path) -> None:
    write_segment(tmp_path, body(1))
    loader = Loader(tmp_path, str(tmp_path), lend(ch))
    ch.command("RENAME TABLE spans TO spans_away")
    loader.step()
    ch.command("RENAME TABLE spans_away TO spans")
    ch.command("RENAME TABLE calls TO calls_away")
    Loader(tmp_path, str(tmp_path), lend(ch)).step()
    assert len(list_sealed(tmp_path)) == 1
    ch.command("RENAME TABLE calls_away TO calls")
    Loader(tmp_path, str(tmp_path), lend(ch)).step()
    assert (count(ch, "spans"), count(ch, "calls")) == (1, 1)
    assert list_sealed(tmp_path) == []


@pytest.mark.django_db
def test_what_a_dead_receiver_left_is_loaded(ch: Warehouse, tmp_path: Path) -> None:
    record = encode(body(1), Stamp(42, 1, RECEIVED_AT_MS, 1))
    (tmp_path / f"{RECEIVED_AT_MS}000000-dead.open").write_bytes(record + record[:50])
    loader = Loader(tmp_path, str(tmp_path), lend(ch))
    loader.keep_house()
    loader.step()
    assert [row["span"] for row in calls(ch)] == ["01" * 8]


@pytest.mark.django_db
def test_it_tells_that_it_lives_and_what_it_did(ch: Warehouse, tmp_path: Path) -> None:
    write_segment(tmp_path, body(1), request(Span({"http.route": "/"})))
    loader = Loader(tmp_path, str(tmp_path), lend(ch))
    loader.step()
    loader.keep_house()
    assert read_progress(tmp_path) == {
        "segments": 1,
        "received": 2,
        "rows": {"spans": 1, "calls": 1},
        "ignored": {"no_dialect": 1},
        "dialects": {"gen_ai": 1},
    }
    assert last_beat(BEAT) is not None


def test_what_waits_in_the_spool_holds_loaded_to_back(tmp_path: Path) -> None:
    now = datetime(2026, 11, 21, 14, 5, tzinfo=UTC)
    assert loaded_to(tmp_path, now) == now
    second = int(datetime(2026, 11, 21, 14, 4, tzinfo=UTC).timestamp()) * 10**9
    write_segment(tmp_path, body(1), name=f"{second + 30 * 10**9}-b")
    (tmp_path / f"{second}-a{OPEN}").write_bytes(b"")
    assert loaded_to(tmp_path, now) == datetime(2026, 11, 21, 14, 4, 30, tzinfo=UTC)
    (tmp_path / f"{second}-a{OPEN}").write_bytes(b"x")
    assert loaded_to(tmp_path, now) == datetime(2026, 11, 21, 14, 4, tzinfo=UTC)


@pytest.mark.django_db
def test_it_tells_how_far_it_has_come(ch: Warehouse, tmp_path: Path) -> None:
    minute_ago = NOW - timedelta(minutes=1)
    write_segment(tmp_path, body(1), name=f"{int(minute_ago.timestamp()) * 10**9}-a")
    loader = Loader(tmp_path, str(tmp_path), lend(ch))
    loader.keep_house()
    assert last_beat(LOADED) == minute_ago
    loader.step()
    Loader(tmp_path, str(tmp_path), lend(ch)).keep_house()
    assert (last_beat(LOADED) or minute_ago) >= NOW


def test_one_loader_at_a_time(tmp_path: Path) -> None:
    stop = threading.Event()
    entered: list[str] = []

    def second() -> None:
        with only_loader(tmp_path, stop):
            entered.append("second")

    with only_loader(tmp_path, stop):
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(0.3)
        assert entered == []
    wait_until(lambda: entered == ["second"])
    waiting.join()


def test_a_file_of_another_kind_is_no_segment(ch: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / ("notes" + SEALED)).write_text("x")
    loader = Loader(tmp_path, str(tmp_path), lend(ch))
    assert loader.step() > 0
    assert measure(tmp_path).segments == 0
    assert count(ch, "segments") == 0


def test_a_closed_way_is_really_closed() -> None:
    with pytest.raises(Unavailable):
        connect(NOWHERE).query("SELECT 1")

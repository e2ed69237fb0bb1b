"""A batch that was tried before: what ClickHouse remembers is not what it has."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from finops.clickhouse.client import Warehouse
from ingest.again import token
from ingest.batch import Batch, begin, finish, next_batch
from ingest.load import load
from tests.ingest.loading import NOW, calls, count, write_segment
from tests.ingest.payloads import Span, request

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
TOOL = {"gen_ai.operation.name": "execute_tool"}
TABLES = ("spans", "calls", "segments")


def chat(number: int) -> bytes:
    return request(Span(CHAT, span_id=bytes([number] * 8)))


def load_next(ch: Warehouse, folder: Path) -> None:
    batch = next_batch(folder)
    assert batch is not None
    load(ch, batch, str(folder), NOW)


def lose_last_insert(ch: Warehouse, table: str) -> None:
    """Leave what a kill leaves between the token and the rows: the token alone."""
    ch.command(f"DELETE FROM {table} WHERE 1")
    assert count(ch, table) == 0


@pytest.mark.parametrize("table", TABLES)
def test_a_token_without_its_rows_loses_nothing(ch: Warehouse, tmp_path: Path, table: str) -> None:
    write_segment(tmp_path, chat(1), request(Span(TOOL)), chat(2))
    load_next(ch, tmp_path)
    lose_last_insert(ch, table)
    load_next(ch, tmp_path)
    assert [count(ch, table) for table in TABLES] == [3, 2, 1]
    assert [row["span"] for row in calls(ch)] == ["01" * 8, "02" * 8]


def test_one_day_of_two_that_was_lost_is_brought_again(ch: Warehouse, tmp_path: Path) -> None:
    yesterday = NOW - timedelta(days=1)
    write_segment(tmp_path, chat(1), name=f"{int(yesterday.timestamp())}000000000-a")
    write_segment(tmp_path, chat(2))
    load_next(ch, tmp_path)
    (first, _) = ch.query("SELECT segment FROM spans ORDER BY segment")
    ch.command("DELETE FROM spans WHERE segment = {name:String}", {"name": first["segment"]})
    load_next(ch, tmp_path)
    assert [count(ch, table) for table in TABLES] == [2, 2, 2]


def test_what_a_whole_batch_left_is_not_doubled_by_its_parts(ch: Warehouse, tmp_path: Path) -> None:
    names = [write_segment(tmp_path, chat(1)), write_segment(tmp_path, chat(2))]
    load_next(ch, tmp_path)
    for name in names:
        begin(tmp_path, (name,))
        load_next(ch, tmp_path)
        finish(Batch(tmp_path, (name,)))
    assert [count(ch, table) for table in TABLES] == [2, 2, 2]


def test_a_batch_half_removed_is_loaded_no_second_time(ch: Warehouse, tmp_path: Path) -> None:
    names = sorted([write_segment(tmp_path, chat(1)), write_segment(tmp_path, chat(2))])
    load_next(ch, tmp_path)
    (tmp_path / f"{names[0]}.seg").unlink()
    load_next(ch, tmp_path)
    assert [count(ch, table) for table in TABLES] == [2, 2, 2]


def test_a_try_after_the_first_has_a_token_of_its_own() -> None:
    first, later = Batch(Path("x"), ("1-a",)), Batch(Path("x"), ("1-a",), again=True)
    assert token(first, "spans") == token(first, "spans") != token(first, "calls")
    assert token(later, "spans") != token(later, "spans")

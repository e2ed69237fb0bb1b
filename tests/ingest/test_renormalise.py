"""A corrected dialect table is run again over spans that are kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from finops.clickhouse.client import Warehouse
from finops.costing.lease import give_lease_back, take_lease
from ingest.renormalise import Again, kept_segments, portions, renormalise
from tests.costing.charging import charge, clock
from tests.ingest.loading import NOW, take
from tests.ingest.payloads import Span, request

pytestmark = pytest.mark.django_db
START, END = NOW - timedelta(hours=1), NOW + timedelta(hours=1)
CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 100,
}


def spans(*attributes: dict[str, Any]) -> list[Span]:
    return [Span(each, span_id=bytes([n + 1]) * 8) for n, each in enumerate(attributes)]


@pytest.fixture
def loaded(ch: Warehouse, tmp_path: Path) -> Iterator[Warehouse]:
    """Two calls that are charged, of two dialects."""
    theirs = {"openinference.span.kind": "LLM", "llm.token_count.prompt": 7}
    take(ch, tmp_path, request(*spans(CALL, theirs), scope="openai", version="1"))
    charge(ch)
    yield ch


def spoil(ch: Warehouse, **columns: str) -> None:
    """Write the calls as an older release might have made them."""
    changes = ", ".join(f"{value} AS {name}" for name, value in columns.items())
    ch.command("CREATE TEMPORARY TABLE old ENGINE = Memory AS SELECT * FROM calls FINAL")
    ch.command("TRUNCATE TABLE calls")
    ch.command(f"INSERT INTO calls SELECT * REPLACE({changes}) FROM old")
    ch.command("DROP TEMPORARY TABLE old")


def again(ch: Warehouse, dialect: str = "", *, dry: bool = False) -> Again:
    lease = None if dry else take_lease("charge", now=clock())
    done = Again()
    for kept in kept_segments(ch, START, END, dialect):
        done = done.plus(renormalise(ch, kept, START, END, dialect, lease=lease))
    if lease is not None:
        give_lease_back(lease, now=clock())
    return done


def tokens(ch: Warehouse, table: str = "calls") -> list[int]:
    rows = ch.query(f"SELECT input_tokens AS n FROM {table} FINAL ORDER BY n DESC")
    return [row["n"] for row in rows]


def test_calls_that_come_out_as_they_are_stay_as_they_are(loaded: Warehouse) -> None:
    assert again(loaded) == Again(spans=2, calls=2, changed=0, withdrawn=0)
    assert loaded.query("SELECT count() AS n FROM segments FINAL WHERE charged = 0") == [{"n": 0}]


def test_a_row_that_was_wrong_is_replaced_and_charged_again(loaded: Warehouse) -> None:
    spoil(loaded, input_tokens="5::Nullable(UInt32)")
    assert tokens(loaded) == [5, 5]
    assert again(loaded) == Again(spans=2, calls=2, changed=2, withdrawn=0)
    assert tokens(loaded) == [1000, 7]
    loaded.command("OPTIMIZE TABLE calls FINAL")
    assert tokens(loaded) == [1000, 7]
    charge(loaded)
    assert tokens(loaded, "charges") == [1000, 7]


def test_what_was_corrected_once_is_corrected_once_more(loaded: Warehouse) -> None:
    for wrong in (5, 6):
        loaded.command(
            f"INSERT INTO calls SELECT * REPLACE({wrong}::Nullable(UInt32) AS input_tokens)"
            " FROM calls FINAL"
        )
        assert tokens(loaded) == [wrong, wrong]
        again(loaded)
        assert tokens(loaded) == [1000, 7]


def test_a_dialect_that_was_not_recognised_right_is_recognised_anew(loaded: Warehouse) -> None:
    loaded.command("CREATE TEMPORARY TABLE old ENGINE = Memory AS SELECT * FROM spans")
    loaded.command("TRUNCATE TABLE spans")
    loaded.command("INSERT INTO spans SELECT * REPLACE('gen_ai' AS dialect) FROM old")
    loaded.command("DROP TEMPORARY TABLE old")
    spoil(loaded, dialect="'gen_ai'", input_tokens="NULL::Nullable(UInt32)")
    again(loaded, "openinference")
    rows = loaded.query("SELECT dialect, input_tokens AS n FROM calls FINAL ORDER BY dialect")
    assert [tuple(row.values()) for row in rows] == [("gen_ai", None), ("openinference", 7)]


def test_what_is_no_call_any_more_leaves_calls_charges_and_sums(
    ch: Warehouse, tmp_path: Path
) -> None:
    tool = {"gen_ai.operation.name": "execute_tool"}
    take(ch, tmp_path, request(*spans(CALL, tool)))
    ch.command(
        "INSERT INTO calls SELECT * REPLACE(unhex('0202020202020202')::FixedString(8) AS span_id,"
        " 3::Nullable(UInt32) AS input_tokens) FROM calls"
    )
    charge(ch)
    assert tokens(ch, "charges") == [1000, 3]
    assert again(ch) == Again(spans=2, calls=1, changed=0, withdrawn=1)
    charge(ch)
    assert tokens(ch) == [1000]
    assert tokens(ch, "charges") == [1000]
    sums = ch.query("SELECT sum(calls) AS calls, sum(input_tokens) AS n FROM usage_hourly FINAL")
    assert sums == [{"calls": 1, "n": 1000}]


def test_a_dry_run_says_what_would_change_and_changes_nothing(loaded: Warehouse) -> None:
    spoil(loaded, input_tokens="5::Nullable(UInt32)")
    assert again(loaded, dry=True) == Again(spans=2, calls=2, changed=2, withdrawn=0)
    assert tokens(loaded) == [5, 5]


def test_running_twice_is_running_once(loaded: Warehouse) -> None:
    spoil(loaded, input_tokens="5::Nullable(UInt32)")
    again(loaded)
    assert again(loaded).changed == 0


@pytest.mark.parametrize("at_once", [1, 100])
def test_a_span_that_was_sent_twice_is_one_call_that_stays_as_it_is(
    ch: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr("ingest.renormalise.SPANS_AT_ONCE", at_once)
    for _ in range(3):
        take(ch, tmp_path, request(*spans(CALL)))
    assert again(ch, dry=True).changed == 0
    spoil(ch, input_tokens="5::Nullable(UInt32)")
    assert again(ch).changed == 1
    assert tokens(ch) == [1000]


def test_segments_are_taken_in_portions_that_fit() -> None:
    found = list(portions([("a", 60_000), ("b", 40_000), ("c", 1), ("d", 10**6), ("e", 1)]))
    assert [kept.segments for kept in found] == [("a", "b"), ("c",), ("d",), ("e",)]


def test_the_command_says_what_it_did(
    configured_ch: Warehouse, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    take(configured_ch, tmp_path, request(*spans(CALL)))
    call_command("renormalise", start=START, end=END)
    assert "1 spans read again, 1 of them calls: 0 changed" in capsys.readouterr().out
    with pytest.raises(CommandError, match="before --to"):
        call_command("renormalise", start=END, end=START)

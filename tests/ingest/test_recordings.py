"""Every recording of a real instrumentation: the right rows, the right tokens, nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import pytest
from django.db import transaction

from finops.clickhouse.client import connect
from finops.clickhouse.migrate import Shape, bring_up_to_date
from tests.recordings.draft import tokens
from tests.recordings.loading import Outcome, replay
from tests.recordings.otlp_json import Json, spans_of
from tests.recordings.replay import Recording, names, read

DATABASE = "recordings"


@dataclass(frozen=True)
class Played:
    """A recording and what became of it, sent as it was and span by span in reverse."""

    recording: Recording
    whole: Outcome
    split: Outcome


@pytest.fixture(scope="module")
def played(
    clickhouse_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_setup: None,
    django_db_blocker: Any,
) -> Iterator[dict[str, Played]]:
    """All recordings, loaded and charged once."""
    recordings = [read(name) for name in names()]
    server = connect(clickhouse_url)
    server.command(f"DROP DATABASE IF EXISTS {DATABASE} SYNC")
    server.command(f"CREATE DATABASE {DATABASE} ENGINE = Atomic")
    ch = connect(clickhouse_url.rpartition("/")[0] + f"/{DATABASE}")
    bring_up_to_date(ch, Shape(), datetime.now(UTC))
    with django_db_blocker.unblock(), transaction.atomic():
        whole, split = replay(ch, tmp_path_factory.mktemp("recordings"), recordings)
        transaction.set_rollback(True)
    yield {
        recording.name: Played(recording, *outcomes)
        for recording, *outcomes in zip(recordings, whole, split, strict=True)
    }
    ch.close()
    server.command(f"DROP DATABASE {DATABASE} SYNC")
    server.close()


def dialect_of(name: str) -> str:
    return name.partition("/")[0]


def by_span(rows: list[Json]) -> dict[str, Json]:
    return {row["span_id"]: row for row in rows}


def about(rows: list[Json]) -> dict[str, Any]:
    """Rows by span; durations that were worked out of times may differ by the last digits."""
    return {
        row["span_id"]: {
            key: pytest.approx(value, abs=0.01) if isinstance(value, float) else value
            for key, value in row.items()
        }
        for row in rows
    }


each_recording = pytest.mark.parametrize("name", names())
# What is seldom wrong for one recording alone is one test a dialect, which names the wrong ones.
each_dialect = pytest.mark.parametrize(
    "some",
    [list(group) for _, group in groupby(names(), key=dialect_of)],
    ids=lambda some: dialect_of(some[0]),
)


@each_recording
def test_a_recording_gives_the_rows_that_a_person_checked(
    played: dict[str, Played], name: str
) -> None:
    expected = about(played[name].recording.calls)
    assert by_span(played[name].whole.rows) == expected


@each_dialect
def test_spans_that_arrive_alone_and_in_reverse_give_the_same_rows(
    played: dict[str, Played], some: list[str]
) -> None:
    for name in some:
        assert by_span(played[name].split.rows) == about(played[name].whole.rows), name


@each_dialect
def test_calls_last_as_long_as_their_spans(played: dict[str, Played], some: list[str]) -> None:
    for name in some:
        spans = {
            span["spanId"]: span
            for request in played[name].recording.requests
            for span in spans_of(request)
        }
        for span_id, (_, duration_ms) in played[name].whole.times.items():
            span = spans[span_id]
            took_ns = int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"])
            assert abs(duration_ms - took_ns / 1e6) <= 0.002, name


# One test that asks for the database makes it be there for the replay, which keeps rates in it.
@pytest.mark.django_db
@each_dialect
def test_no_text_of_a_prompt_or_an_answer_is_stored(
    played: dict[str, Played], some: list[str]
) -> None:
    told = {name: [*played[name].whole.secrets, *played[name].split.secrets] for name in some}
    assert {name: secrets for name, secrets in told.items() if secrets} == {}


@each_recording
def test_what_repeats_another_span_is_not_counted(played: dict[str, Played], name: str) -> None:
    expected = sorted(played[name].recording.counted)
    assert sorted(played[name].whole.counted) == expected
    assert sorted(played[name].split.counted) == expected


@each_dialect
def test_the_counted_rows_are_the_providers_bill(some: list[str]) -> None:
    for name in some:
        recording = read(name)
        counted = [
            row
            for row in recording.calls
            # No provider was asked for what a response cache answered.
            if row["span_id"] in recording.counted and not row.get("cache_hit")
        ]
        agrees = tokens(counted, "_tokens") == tokens(recording.bill, "")
        assert agrees != bool(recording.unknowable), name

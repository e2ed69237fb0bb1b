"""Every recording of a real instrumentation: the right rows, the right tokens, nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction

from finops.clickhouse.client import connect
from finops.clickhouse.migrate import Shape, bring_up_to_date
from tests.recordings.draft import tokens
from tests.recordings.loading import Outcome, replay
from tests.recordings.otlp_json import Json, spans_of
from tests.recordings.replay import Recording, names, read

# The charge job keeps its lease and its rates in the database.
pytestmark = pytest.mark.django_db

DATABASE = "recordings"
# Recordings whose copies the charge job can't tell yet, each with what it would need.
KNOWN_OPEN: dict[str, str] = {}


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
each_judged_recording = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.xfail(reason=KNOWN_OPEN[name], strict=True))
        if name in KNOWN_OPEN
        else name
        for name in names()
    ],
)


@each_recording
def test_a_recording_gives_the_rows_that_a_person_checked(
    played: dict[str, Played], name: str
) -> None:
    expected = about(played[name].recording.calls)
    assert by_span(played[name].whole.rows) == expected


@each_recording
def test_spans_that_arrive_alone_and_in_reverse_give_the_same_rows(
    played: dict[str, Played], name: str
) -> None:
    assert by_span(played[name].split.rows) == about(played[name].whole.rows)


@each_recording
def test_calls_last_as_long_as_their_spans(played: dict[str, Played], name: str) -> None:
    spans = {
        span["spanId"]: span
        for request in played[name].recording.requests
        for span in spans_of(request)
    }
    for span_id, (_, duration_ms) in played[name].whole.times.items():
        span = spans[span_id]
        took_ns = int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"])
        assert duration_ms == pytest.approx(took_ns / 1e6, abs=0.002)


@each_recording
def test_no_text_of_a_prompt_or_an_answer_is_stored(played: dict[str, Played], name: str) -> None:
    assert (played[name].whole.secrets, played[name].split.secrets) == ([], [])


@each_judged_recording
def test_what_repeats_another_span_is_not_counted(played: dict[str, Played], name: str) -> None:
    expected = sorted(played[name].recording.counted)
    assert sorted(played[name].whole.counted) == expected
    assert sorted(played[name].split.counted) == expected


@each_recording
def test_the_counted_rows_are_the_providers_bill(name: str) -> None:
    recording = read(name)
    counted = [
        row
        for row in recording.calls
        # No provider was asked for what a response cache answered.
        if row["span_id"] in recording.counted and not row.get("cache_hit")
    ]
    billed = tokens(recording.bill, "")
    if recording.unknowable:
        assert tokens(counted, "_tokens") != billed
    else:
        assert tokens(counted, "_tokens") == billed

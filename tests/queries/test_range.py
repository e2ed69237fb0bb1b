from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from finops.queries import InvalidRange, Range
from tests.queries.rows import at


def test_a_range_on_whole_hours_has_no_edges() -> None:
    span = Range(at("14:00"), at("16:00"))
    assert span.whole_hours == span
    assert span.edges == []


def test_a_range_off_the_hour_splits_into_two_edges_and_the_hours_between() -> None:
    span = Range(at("13:59:59.999999"), at("16:00:00.000001"))
    assert span.whole_hours == Range(at("14:00"), at("16:00"))
    assert span.edges == [
        Range(at("13:59:59.999999"), at("14:00")),
        Range(at("16:00"), at("16:00:00.000001")),
    ]


def test_a_range_without_a_whole_hour_is_all_edge() -> None:
    span = Range(at("14:30"), at("15:30"))
    assert span.whole_hours is None
    assert span.edges == [span]


def test_times_of_other_zones_are_kept_in_utc() -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    span = Range(datetime(2026, 11, 21, 5, 30, tzinfo=india), at("03:00"))
    assert span.start == datetime(2026, 11, 21, tzinfo=UTC)
    assert span.start.tzinfo is UTC


def test_a_range_is_no_longer_than_charges_are_kept() -> None:
    start, end = at("00:00") - timedelta(days=800), at("00:00")
    assert Range(start, end).length == timedelta(days=800)
    with pytest.raises(InvalidRange, match="ask for at most 800 days"):
        Range(start - timedelta(microseconds=1), end)


def test_the_previous_range_is_as_long_and_ends_where_this_one_starts() -> None:
    assert Range(at("14:10"), at("15:40")).previous == Range(at("12:40"), at("14:10"))


def test_before_the_calendar_of_the_ledger_there_is_no_previous_range() -> None:
    assert (
        Range(datetime(2000, 1, 2, tzinfo=UTC), datetime(2000, 1, 4, tzinfo=UTC)).previous is None
    )


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (at("14:00"), at("14:00")),
        (at("15:00"), at("14:00")),
        (datetime(2026, 11, 21), at("14:00")),  # noqa: DTZ001 a time without a zone is the point
        (datetime(1970, 1, 1, tzinfo=UTC), at("14:00")),
        (at("14:00"), datetime(2107, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_range_that_means_nothing_is_refused(start: datetime, end: datetime) -> None:
    with pytest.raises(InvalidRange):
        Range(start, end)

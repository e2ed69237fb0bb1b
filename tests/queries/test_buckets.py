from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops.clickhouse.client import Warehouse
from finops.queries import Range
from finops.queries.buckets import (
    BUCKETS,
    START_SQL,
    bucket_for,
    bucket_start,
    bucket_starts,
    have_whole_hours,
    seconds_of,
)

ZONES = st.sampled_from(sorted(zoneinfo.available_timezones()))
EARLIEST, LATEST = (datetime(year, 1, 1) for year in (2001, 2035))  # noqa: DTZ001
MOMENTS = st.datetimes(EARLIEST, LATEST, timezones=st.just(UTC))
LENGTHS = st.timedeltas(timedelta(seconds=1), timedelta(days=800))
HOUR, DAY = BUCKETS[2], BUCKETS[3]


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}Z")


@given(MOMENTS, LENGTHS, ZONES)
def test_buckets_cover_a_range_without_gap_or_overlap_in_every_zone(
    start: datetime, length: timedelta, name: str
) -> None:
    span, zone = Range(start, start + length), ZoneInfo(name)
    bucket = bucket_for(length)
    starts = bucket_starts(span, bucket, zone)
    assert starts[0] <= span.start
    assert starts[-1] < span.end
    for first, second in pairwise(starts):
        assert first < second
        assert bucket_start(first, bucket, zone) == first
        assert bucket_start(second - timedelta(microseconds=1), bucket, zone) == first


@given(MOMENTS, ZONES)
def test_a_day_begins_at_the_first_moment_of_its_date(moment: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    start = bucket_start(moment, DAY, zone)
    assert start <= moment
    assert start.astimezone(zone).date() == moment.astimezone(zone).date()
    assert (start - timedelta(seconds=1)).astimezone(zone).date() != start.astimezone(zone).date()


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-29T12:00", 23),
        ("Europe/Berlin", "2026-10-25T12:00", 25),
        ("America/New_York", "2026-11-01T12:00", 25),
        ("Asia/Kolkata", "2026-11-01T12:00", 24),
    ],
)
def test_the_day_on_which_clocks_change_is_an_hour_longer_or_shorter(
    zone: str, day: str, hours: int
) -> None:
    span = Range(at(day), at(day) + timedelta(days=2))
    first, second = bucket_starts(span, DAY, ZoneInfo(zone))[:2]
    assert second - first == timedelta(hours=hours)


def test_hours_of_a_zone_with_half_hours_are_not_those_of_the_rollup() -> None:
    span = Range(at("2026-11-01T00:00"), at("2026-11-02T00:00"))
    for zone, whole in (("UTC", True), ("Europe/Berlin", True), ("Asia/Kolkata", False)):
        assert have_whole_hours(HOUR, bucket_starts(span, HOUR, ZoneInfo(zone))) is whole


def test_clickhouse_puts_a_moment_into_the_bucket_that_python_names(ch: Warehouse) -> None:
    # Clocks of Lord Howe move by half an hour; British Columbia's law of 2026 is not in every
    # database of time zones.
    for name in ("Australia/Lord_Howe", "America/Vancouver", "Africa/Casablanca", "Asia/Kolkata"):
        zone = ZoneInfo(name)
        span = Range(at("2026-10-01T07:13"), at("2026-12-01T00:00"))
        moments = [span.start + timedelta(minutes=437 * step) for step in range(200)]
        for bucket in BUCKETS[2:]:
            starts = bucket_starts(span, bucket, zone)
            rows = ch.query(
                f"SELECT at, {START_SQL} AS start FROM "
                "(SELECT arrayJoin({moments:Array(DateTime('UTC'))}) AS at)",
                {"moments": moments, "starts": seconds_of(starts)},
            )
            for row in rows:
                expected = bucket_start(row["at"], bucket, zone)
                assert row["start"] == int(expected.timestamp()), (name, bucket.name, row["at"])

from __future__ import annotations

import zoneinfo
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops.budgets.period import month_from, month_of, months_to_watch, next_month, previous_month

ZONES = st.sampled_from(sorted(zoneinfo.available_timezones()))
EARLIEST, LATEST = (datetime(year, 1, 1) for year in (1990, 2037))  # noqa: DTZ001
MOMENTS = st.datetimes(EARLIEST, LATEST, timezones=st.just(UTC))


@given(MOMENTS, ZONES)
def test_a_month_holds_the_moment_it_was_asked_for(now: datetime, zone: str) -> None:
    month = month_of(now, zone)
    assert month.start <= now < month.end
    assert Decimal(0) <= month.elapsed_share(now) < 1


@given(MOMENTS, ZONES)
def test_months_leave_no_gap_and_no_overlap(now: datetime, zone: str) -> None:
    month = month_of(now, zone)
    assert next_month(month, zone).start == month.end
    assert previous_month(month, zone).end == month.start
    assert timedelta(days=27, hours=22) <= month.length <= timedelta(days=31, hours=2)


@pytest.mark.parametrize(
    ("zone", "first_day", "start", "end"),
    [
        # winter to summer time on 29 March: the month is an hour short
        ("Europe/Berlin", date(2026, 3, 1), "2026-02-28T23:00", "2026-03-31T22:00"),
        # and an hour long in October
        ("Europe/Berlin", date(2026, 10, 1), "2026-09-30T22:00", "2026-10-31T23:00"),
        # the clocks of New York change on 1 November itself
        ("America/New_York", date(2026, 11, 1), "2026-11-01T04:00", "2026-12-01T05:00"),
        ("Asia/Kolkata", date(2026, 11, 1), "2026-10-31T18:30", "2026-11-30T18:30"),
        ("UTC", date(2028, 2, 1), "2028-02-01T00:00", "2028-03-01T00:00"),
        # midnight of 1 April 2005 does not exist in Amman: clocks jump from 0 to 1
        ("Asia/Amman", date(2005, 4, 1), "2005-03-31T22:00", "2005-04-30T21:00"),
    ],
)
def test_bounds_of_a_month_in_utc(zone: str, first_day: date, start: str, end: str) -> None:
    month = month_from(first_day, zone)
    assert month.start == datetime.fromisoformat(start).replace(tzinfo=UTC)
    assert month.end == datetime.fromisoformat(end).replace(tzinfo=UTC)


def test_an_hour_lived_twice_around_midnight_belongs_to_the_month_it_falls_into() -> None:
    # St. John's, 1 November 2009: at 00:01 the clocks went back to 23:01 of 31 October.
    first_midnight = datetime(2009, 11, 1, 2, 30, tzinfo=UTC)
    assert month_from(date(2009, 11, 1), "America/St_Johns").start == first_midnight
    lived_again = first_midnight + timedelta(minutes=30)
    month = month_of(lived_again, "America/St_Johns")
    assert month.first_day == date(2009, 11, 1)


def test_a_leap_february_has_29_days() -> None:
    assert month_from(date(2028, 2, 1), "UTC").length == timedelta(days=29)
    assert month_from(date(2026, 2, 1), "UTC").length == timedelta(days=28)


def test_elapsed_share_is_exact_and_stays_within_the_month() -> None:
    november = month_from(date(2026, 11, 1), "UTC")
    assert november.elapsed_share(datetime(2026, 11, 16, tzinfo=UTC)) == Decimal("0.5")
    assert november.elapsed_share(datetime(2026, 10, 1, tzinfo=UTC)) == 0
    assert november.elapsed_share(datetime(2026, 12, 5, tzinfo=UTC)) == 1


def test_last_month_is_watched_for_one_more_day() -> None:
    since = datetime(2026, 10, 5, tzinfo=UTC)
    days = [
        [month.first_day for month in months_to_watch(now, "UTC", since)]
        for now in (
            datetime(2026, 12, 1, 0, 5, tzinfo=UTC),
            datetime(2026, 12, 1, 23, 59, tzinfo=UTC),
            datetime(2026, 12, 2, 0, 0, tzinfo=UTC),
        )
    ]
    both = [date(2026, 11, 1), date(2026, 12, 1)]
    assert days == [both, both, [date(2026, 12, 1)]]


def test_terms_set_this_month_do_not_judge_the_last() -> None:
    months = months_to_watch(
        datetime(2026, 12, 1, 9, tzinfo=UTC), "UTC", datetime(2026, 12, 1, 8, tzinfo=UTC)
    )
    assert [month.first_day for month in months] == [date(2026, 12, 1)]

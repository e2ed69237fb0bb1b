"""The month of a budget: where it starts and ends in the workspace's time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

# Rows arrive late: a client was offline, a spool was full. So a month is still watched for a day
# after its end; what comes later than that is in the reports and no longer an alarm.
LATE_ROWS = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """One month of one time zone, from `start` up to and without `end`, both in UTC.

    `first_day` names it: unlike the instants it stays the same when the time zone is changed.
    """

    first_day: date
    start: datetime
    end: datetime

    @property
    def last_day(self) -> date:
        return next_first(self.first_day) - timedelta(days=1)

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    def elapsed(self, now: datetime) -> timedelta:
        """How much of the month is over at `now`, from nothing to all of it."""
        return min(max(now - self.start, timedelta()), self.length)

    def elapsed_share(self, now: datetime) -> Decimal:
        """The same as a share from 0 to 1."""
        return Decimal(self.elapsed(now) // SECOND) / Decimal(self.length // SECOND)


SECOND = timedelta(seconds=1)


def month_from(first_day: date, timezone: str) -> Period:
    """Return the month that starts on `first_day`, which is the first of a month."""
    zone = ZoneInfo(timezone)
    return Period(
        first_day, first_moment(first_day, zone), first_moment(next_first(first_day), zone)
    )


def month_of(now: datetime, timezone: str) -> Period:
    """Return the month that holds the instant `now`; `timezone` is an IANA name."""
    month = month_from(now.astimezone(ZoneInfo(timezone)).date().replace(day=1), timezone)
    # Where clocks are turned back across midnight of the first, the last hour of the old month's
    # date is lived twice, the second time inside the new month.
    if now >= month.end:
        return next_month(month, timezone)
    return month if now >= month.start else previous_month(month, timezone)


def next_month(month: Period, timezone: str) -> Period:
    """Return the month after."""
    return month_from(next_first(month.first_day), timezone)


def previous_month(month: Period, timezone: str) -> Period:
    """Return the month before."""
    return month_from((month.first_day - timedelta(days=1)).replace(day=1), timezone)


def months_to_watch(now: datetime, timezone: str, terms_since: datetime) -> list[Period]:
    """Return the months that can still raise an alert, oldest first.

    Last month counts for a day after its end, unless the budget's terms are newer than that end:
    terms of today say nothing about money that was already spent.
    """
    month = month_of(now, timezone)
    last = previous_month(month, timezone)
    if now - last.end < LATE_ROWS and terms_since < last.end:
        return [last, month]
    return [month]


def next_first(first_day: date) -> date:
    return (first_day + timedelta(days=31)).replace(day=1)


def first_moment(day: date, zone: ZoneInfo) -> datetime:
    # A midnight that the clocks skip resolves to the moment of the jump, one that comes twice to
    # the first: both follow from fold=0 and the arithmetic in UTC.
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)

"""How a range is cut into the bars of a chart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from finops.queries.range import HOUR, Range


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bar's width. `sql` takes a time called `at` and the parameter `zone`."""

    name: str
    width: timedelta
    longest_range: timedelta
    sql: str


DAY = timedelta(days=1)

# At most some 200 bars in two hours to 800 days, which no screen has too few pixels for.
BUCKETS = (
    Bucket("minute", timedelta(minutes=1), 2 * HOUR, "toStartOfMinute(at)"),
    Bucket("5 minutes", timedelta(minutes=5), 12 * HOUR, "toStartOfFiveMinutes(at)"),
    Bucket("hour", HOUR, 8 * DAY, "toStartOfHour(at, {zone:String})"),
    Bucket("day", DAY, 200 * DAY, "toStartOfDay(at, {zone:String})"),
    # of a week ClickHouse gives the date of its Monday; it starts at midnight there
    Bucket(
        "week",
        7 * DAY,
        timedelta.max,
        "toDateTime(toStartOfWeek(at, 1, {zone:String}), {zone:String})",
    ),
)


def bucket_for(length: timedelta) -> Bucket:
    """Return the narrowest bucket that a range of this length is still readable in."""
    return next(bucket for bucket in BUCKETS if length <= bucket.longest_range)


def bucket_start(moment: datetime, bucket: Bucket, zone: ZoneInfo) -> datetime:
    """Return when the bucket around `moment` starts on the clocks of `zone`, in UTC."""
    local = moment.astimezone(zone)
    if bucket.width >= DAY:
        into_week = timedelta(days=local.weekday() if bucket.width > DAY else 0)
        return datetime.combine(local.date() - into_week, time(), zone).astimezone(UTC)
    offset = local.utcoffset() or timedelta()
    into = (moment.astimezone(UTC) + offset - datetime(2000, 1, 1, tzinfo=UTC)) % bucket.width
    return moment.astimezone(UTC) - into


def bucket_starts(span: Range, bucket: Bucket, zone: ZoneInfo) -> list[datetime]:
    """Return the start of every bucket that the range touches, empty ones too."""
    starts = [bucket_start(span.start, bucket, zone)]
    # A day of 25 hours ends later than its width says: half a width beyond is always the next one.
    while (following := bucket_start(starts[-1] + bucket.width * 3 / 2, bucket, zone)) < span.end:
        starts.append(following)
    return starts


def has_whole_hours(bucket: Bucket, span: Range, zone: ZoneInfo) -> bool:
    """Say whether each bucket consists of whole UTC hours, so that the rollup can fill it."""
    if bucket.width < HOUR:
        return False
    offsets = {moment.astimezone(zone).utcoffset() for moment in (span.start, span.end)}
    return all((offset or timedelta()) % HOUR == timedelta() for offset in offsets)

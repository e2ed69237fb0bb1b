"""How a range is cut into the bars of a chart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from finops.queries.range import HOUR, Range

# The start of the bucket that holds a time called `at`, as seconds since 1970; `starts` is a
# parameter. Where days begin is said by Python alone: ClickHouse brings time zones of its own, and
# they may be of another year.
START_SQL = "roundDown(toUInt32(toUnixTimestamp(at)), {starts:Array(UInt32)})"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bar's width, and the longest range that it suits."""

    name: str
    width: timedelta
    longest_range: timedelta


DAY = timedelta(days=1)

# At most some 200 bars in two hours to 800 days, which no screen has too few pixels for.
BUCKETS = (
    Bucket("minute", timedelta(minutes=1), 2 * HOUR),
    Bucket("5 minutes", timedelta(minutes=5), 12 * HOUR),
    Bucket("hour", HOUR, 8 * DAY),
    Bucket("day", DAY, 200 * DAY),
    Bucket("week", 7 * DAY, timedelta.max),
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


def seconds_of(starts: list[datetime]) -> list[int]:
    """Return the value of the parameter `starts`."""
    return [int(start.timestamp()) for start in starts]


def have_whole_hours(bucket: Bucket, starts: list[datetime]) -> bool:
    """Say whether each bucket consists of whole UTC hours, so that the rollup can fill it."""
    return bucket.width >= HOUR and all(second % 3600 == 0 for second in seconds_of(starts))

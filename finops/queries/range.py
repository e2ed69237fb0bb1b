"""A span of time to ask about, and how it splits into whole hours and their edges."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from finops.queries.errors import InvalidRange

HOUR = timedelta(hours=1)
# ClickHouse's DateTime ends in 2106; nobody paid for a token before 2000.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
LONGEST = timedelta(days=800)  # as long as charges are kept


@dataclass(frozen=True, slots=True)
class Range:
    """All instants from `start` up to, and without, `end`; kept in UTC.

    Raises InvalidRange when a time has no zone, the range is empty or longer than LONGEST, or it
    leaves 2000 to 2100.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for time in (self.start, self.end):
            if time.tzinfo is None:
                raise InvalidRange("A time needs a zone, such as 2026-11-21T14:00:00Z.")
        object.__setattr__(self, "start", self.start.astimezone(UTC))
        object.__setattr__(self, "end", self.end.astimezone(UTC))
        if self.start >= self.end:
            raise InvalidRange("The range is empty: its start must be before its end.")
        if self.start < EARLIEST or self.end > LATEST:
            raise InvalidRange("The range must lie between the years 2000 and 2100.")
        if self.length > LONGEST:
            raise InvalidRange(f"The range is too long: ask for at most {LONGEST.days} days.")

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    @property
    def previous(self) -> Range | None:
        """The range of equal length that ends where this one starts; None before 2000."""
        if self.start - EARLIEST < self.length:
            return None
        return Range(self.start - self.length, self.start)

    @property
    def whole_hours(self) -> Range | None:
        """The whole UTC hours inside, which the rollup answers; None when there is none."""
        first, last = ceil_hour(self.start), floor_hour(self.end)
        return Range(first, last) if first < last else None

    @property
    def edges(self) -> list[Range]:
        """What is left at either end, which only the charges themselves answer exactly."""
        whole = self.whole_hours
        if whole is None:
            return [self]
        ends = [(self.start, whole.start), (whole.end, self.end)]
        return [Range(start, end) for start, end in ends if start < end]


def floor_hour(time: datetime) -> datetime:
    return time.replace(minute=0, second=0, microsecond=0)


def ceil_hour(time: datetime) -> datetime:
    floor = floor_hour(time)
    return floor if floor == time else floor + HOUR

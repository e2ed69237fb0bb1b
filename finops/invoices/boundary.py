"""Whether a provider's days start at another hour than UTC's: found from captured hours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from finops.invoices.rows import ZERO, BilledLine, CapturedHour, Pair, Terms

# Clocks of the world, without UTC itself.
OFFSETS_H = tuple(hours for hours in range(-14, 15) if hours)
# A few days can fit by chance.
FEWEST_DAYS = 3


def explaining_offset(
    billed: Iterable[BilledLine], hours: Sequence[CapturedHour], days: Iterable[date], terms: Terms
) -> int | None:
    """Return h where days from h:00 UTC to h:00 UTC fit the bill of each day; None where none does.

    Money is compared; a provider whose prices differ too isn't found this way.
    """
    amounts: dict[date, Decimal] = defaultdict(Decimal)
    for line in billed:
        if line.usd is not None and line.priced and line.category == "usage":
            amounts[line.day] += line.usd
    wanted = sorted(set(days) & amounts.keys())
    if len(wanted) < FEWEST_DAYS:
        return None
    by_hour: dict[datetime, Decimal] = defaultdict(Decimal)
    for hour in hours:
        by_hour[hour.hour] += hour.usd
    errors = {
        offset: worst_error(amounts, by_hour, wanted, offset, terms) for offset in (0, *OFFSETS_H)
    }
    if errors[0] is not None:
        return None
    fitting = {offset: error for offset, error in errors.items() if error is not None}
    # Where several hours fit, traffic was still between them: the one nearest to UTC.
    return min(fitting, key=lambda offset: (fitting[offset], abs(offset), offset), default=None)


def worst_error(
    amounts: dict[date, Decimal],
    by_hour: Mapping[datetime, Decimal],
    days: Sequence[date],
    offset_h: int,
    terms: Terms,
) -> Decimal | None:
    """Return the sum of differences; None as soon as one day doesn't fit."""
    sums: dict[date, Decimal] = defaultdict(Decimal)
    for hour, cost in by_hour.items():
        sums[(hour - timedelta(hours=offset_h)).date()] += cost
    total = ZERO
    for day in days:
        gap = amounts[day] - sums[day]
        if not terms.allows(gap, amounts[day]):
            return None
        total += abs(gap)
    return total


def cancelling_days(pairs: Sequence[Pair], terms: Terms) -> dict[date, date]:
    """Return day -> neighbouring day where the gaps of one model cancel each other."""
    gaps = {
        pair.day: pair for pair in pairs if pair.gap_usd is not None and pair.category == "usage"
    }
    found: dict[date, date] = {}
    for day in sorted(gaps):
        after = day + timedelta(days=1)
        if day in found or after not in gaps:
            continue
        one, other = gaps[day], gaps[after]
        gap, next_gap = one.gap_usd or ZERO, other.gap_usd or ZERO
        size = min(abs(gap), abs(next_gap))
        if (
            gap * next_gap < 0
            and abs(gap + next_gap) <= max(terms.usd, size * terms.share)
            and not all(terms.allows(p.gap_usd or ZERO, p.billed_usd or ZERO) for p in (one, other))
        ):
            found[day], found[after] = after, day
    return found

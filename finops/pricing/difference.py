"""What differs between two sets of rates: pure, meter by meter, with the time that it holds for.

Two timelines may be cut at different dates and mean the same. So both are asked in every cell
between any two of their edges (dates, context tiers, times of day), and equal answers in cells that
touch are told as one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Literal

from finops.pricing.meters import METERS, quoted_price
from finops.pricing.overrides import PART_OF
from finops.pricing.rate import ANY_SIZE, DAY_S, Rate

Kind = Literal["added", "removed", "changed"]
ModelName = tuple[str, str]  # provider, model
Spot = tuple[datetime, int, int]  # a moment, tokens above which it holds, a second of the day


@dataclass(frozen=True, slots=True)
class Change:
    """One meter of one model whose price differs in [valid_from, valid_to).

    `old` and `new` are USD in the meter's quoted unit; None where that side has no price.
    """

    provider: str
    model: str
    service_tier: str
    region: str
    meter: str
    old: Decimal | None
    new: Decimal | None
    valid_from: datetime
    valid_to: datetime
    context_above: int = 0
    context_upto: int = ANY_SIZE
    daily_from_s: int = 0
    daily_to_s: int = DAY_S

    @property
    def kind(self) -> Kind:
        if self.old is None:
            return "added"
        return "removed" if self.new is None else "changed"

    @property
    def percent(self) -> Decimal | None:
        """Percent by which it rose, to one place; None where there is nothing to compare."""
        if not self.old or self.new is None:
            return None
        return ((self.new - self.old) / self.old * 100).quantize(Decimal("0.1"))


@dataclass(frozen=True, slots=True)
class Difference:
    """Models that only one side has, and the changes of those that both have."""

    added: list[ModelName]
    removed: list[ModelName]
    changes: list[Change]

    @property
    def empty(self) -> bool:
        return not (self.added or self.removed or self.changes)


def difference(old: Iterable[Rate], new: Iterable[Rate]) -> Difference:
    """Compare two lists of rates, each of one workspace or of the list."""
    before, after = by_model(old), by_model(new)
    changes = [
        change
        for name in sorted(before.keys() & after.keys())
        for change in changes_of(before[name], after[name])
    ]
    return Difference(
        added=sorted(after.keys() - before.keys()),
        removed=sorted(before.keys() - after.keys()),
        changes=changes,
    )


def by_model(rates: Iterable[Rate]) -> dict[ModelName, list[Rate]]:
    found: dict[ModelName, list[Rate]] = defaultdict(list)
    for rate in rates:
        found[rate.provider, rate.model].append(rate)
    return dict(found)


def changes_of(old: Sequence[Rate], new: Sequence[Rate]) -> Iterator[Change]:
    """Yield how one model's rates differ, tier by tier and region by region."""
    tiers = sorted({(rate.service_tier, rate.region) for rate in (*old, *new)})
    for tier, region in tiers:
        before = [rate for rate in old if (rate.service_tier, rate.region) == (tier, region)]
        after = [rate for rate in new if (rate.service_tier, rate.region) == (tier, region)]
        if before != after:
            yield from changes_of_tier(before, after)


def changes_of_tier(old: Sequence[Rate], new: Sequence[Rate]) -> Iterator[Change]:
    """Compare two timelines of one model and tier in every cell, and join what is equal."""
    every = (*old, *new)
    first = every[0]
    moments = sorted({edge for rate in every for edge in (rate.valid_from, rate.valid_to)})
    sizes = sorted({edge for rate in every for edge in (rate.context_above, rate.context_upto)})
    seconds = sorted({edge for rate in every for edge in (rate.daily_from_s, rate.daily_to_s)})
    found = []
    for above, upto in pairwise(sizes):
        for low, high in pairwise(seconds):
            for start, end in pairwise(moments):
                spot = (start, above, low)
                before, after = rate_at(old, spot), rate_at(new, spot)
                found += [
                    Change(
                        first.provider, first.model, first.service_tier, first.region,
                        meter, was, becomes, start, end, above, upto, low, high,
                    )
                    for meter, was, becomes in priced_differently(before, after)
                ]  # fmt: skip
    joined = join(found, "valid_from", "valid_to")
    joined = join(joined, "daily_from_s", "daily_to_s")
    yield from join(joined, "context_above", "context_upto")


def rate_at(rates: Iterable[Rate], spot: Spot) -> Rate | None:
    """Return the rate that holds at a spot; above N tokens is asked as "more than N"."""
    moment, above, second = spot
    for rate in rates:
        if (
            rate.valid_from <= moment < rate.valid_to
            and rate.context_above <= above < rate.context_upto
            and rate.daily_from_s <= second < rate.daily_to_s
        ):
            return rate
    return None


def priced_differently(
    old: Rate | None, new: Rate | None
) -> Iterator[tuple[str, Decimal | None, Decimal | None]]:
    if old is not None and new is not None and (old.prices, old.uses) == (new.prices, new.uses):
        return
    for meter in METERS:
        was = None if old is None else quoted_price(old, meter)
        becomes = None if new is None else quoted_price(new, meter)
        if was != becomes:
            yield meter, was, becomes


def join(changes: Iterable[Change], start: str, end: str) -> list[Change]:
    """Make one of changes that differ only in a range and touch there."""
    joined: list[Change] = []
    ordered = sorted(
        changes, key=lambda change: (apart_from(change, start, end), key(change, start))
    )
    for change in ordered:
        last = joined[-1] if joined else None
        if (
            last is not None
            and getattr(last, end) == getattr(change, start)
            and apart_from(last, start, end) == apart_from(change, start, end)
        ):
            joined[-1] = replace(last, **{end: getattr(change, end)})
        else:
            joined.append(change)
    return joined


def key(change: Change, name: str) -> float:
    value = getattr(change, name)
    return float(value.timestamp() if isinstance(value, datetime) else value)


def apart_from(change: Change, start: str, end: str) -> tuple[str, ...]:
    """Return everything about a change but one of its ranges, in a form that can be sorted."""
    names = [name for name in Change.__slots__ if name not in (start, end)]
    meter = f"{list(METERS).index(change.meter):03}"
    return (meter, *(str(getattr(change, name)) for name in names))


def without_copies(changes: Iterable[Change]) -> list[Change]:
    """Leave out what only follows another change, such as cached input that is billed as input."""
    told = list(changes)
    seen = {(cell_of(change), change.meter, change.old, change.new) for change in told}
    return [
        change
        for change in told
        if (cell_of(change), PART_OF.get(change.meter), change.old, change.new) not in seen
    ]


def cell_of(change: Change) -> tuple[object, ...]:
    """Return everything of a change but its meter and its prices."""
    names = [name for name in Change.__slots__ if name not in ("meter", "old", "new")]
    return tuple(getattr(change, name) for name in names)

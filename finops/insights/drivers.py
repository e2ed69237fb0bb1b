"""Why cost changed between two periods, in parts that add up to the change to the last digit.

In each segment (a tenant, a feature; the whole workspace where one asks by model) cost is

    actions × requests per action × Σ over models of
        share of the requests × tokens per call × price of a token × what caches left of it
      + attempts that another one superseded, per request × the same of theirs

with tokens and prices by kind (input, output, audio, image, fees). The part of a factor is its
Shapley value (finops/insights/shapley.py), summed over kinds, models and segments. A factor that a
period can't tell, such as the price of a model that it didn't use, is taken from the other period:
what a model brings or takes along as it comes or goes is mix, what a segment does is volume.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal, get_args

from finops.insights.shapley import WORKING, ZERO, product_parts, round_to_total
from finops.queries.drivers import Billed, Cell, Period

Factor = Literal[
    "volume", "calls_per_action", "tokens_per_call", "price", "cache", "retry", "model_mix"
]
FACTORS: tuple[Factor, ...] = get_args(Factor)
CellKey = tuple[str, str, str, bool]
ONE = Decimal(1)
NOTHING = Billed(0, ZERO)


@dataclass(frozen=True, slots=True)
class Change:
    """Cost in USD before and after, and what each factor did to it: the parts sum to the change."""

    before_usd: Decimal
    after_usd: Decimal
    parts: Mapping[Factor, Decimal]

    @property
    def change_usd(self) -> Decimal:
        return WORKING.subtract(self.after_usd, self.before_usd)


@dataclass(frozen=True, slots=True)
class Drivers:
    """The whole change, and that of each row by name; the rows sum to the whole in every part."""

    total: Change
    rows: Mapping[str, Change]


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment in one period: actions, requests, and its calls by model."""

    actions: int
    requests: int
    cells: Mapping[CellKey, Cell]


def drivers(before: Period, after: Period, row_of: Callable[[Cell], str] | None = None) -> Drivers:
    """Explain the change from one period to the other; both are divided into the same segments.

    A row is a segment, or what `row_of` makes of a cell, such as its model: the parts of a segment
    belong to its models one by one, so they can be summed either way.
    """
    named = row_of or (lambda cell: cell.segment)
    of_row: dict[str, dict[Factor, Decimal]] = {}
    cells_before, cells_after = by_segment(before), by_segment(after)
    for name in sorted({*cells_before, *cells_after}):
        old = segment_of(cells_before.get(name, []), before.actions.get(name, 0))
        new = segment_of(cells_after.get(name, []), after.actions.get(name, 0))
        for cell, factor, part in parts_of(old, new):
            add(of_row.setdefault(named(cell), {}), factor, part)
    costs = costs_of(before, named), costs_of(after, named)
    rows = {
        name: change_of(costs[0].get(name, ZERO), costs[1].get(name, ZERO), of_row.get(name, {}))
        for name in sorted({*costs[0], *costs[1]})
    }
    return Drivers(sum_of(rows.values()), rows)


def sum_of(changes: Iterable[Change]) -> Change:
    """Add changes up, factor by factor."""
    before = after = ZERO
    parts: dict[Factor, Decimal] = dict.fromkeys(FACTORS, ZERO)
    for change in changes:
        before = WORKING.add(before, change.before_usd)
        after = WORKING.add(after, change.after_usd)
        for factor, part in change.parts.items():
            add(parts, factor, part)
    return Change(before, after, parts)


def add(parts: dict[Factor, Decimal], factor: Factor, part: Decimal) -> None:
    parts[factor] = WORKING.add(parts.get(factor, ZERO), part)


def by_segment(period: Period) -> dict[str, list[Cell]]:
    found: dict[str, list[Cell]] = {}
    for cell in period.cells:
        found.setdefault(cell.segment, []).append(cell)
    return found


def costs_of(period: Period, named: Callable[[Cell], str]) -> dict[str, Decimal]:
    costs: dict[str, Decimal] = {}
    for cell in period.cells:
        costs[named(cell)] = WORKING.add(costs.get(named(cell), ZERO), cell.cost_usd)
    return costs


def change_of(before: Decimal, after: Decimal, parts: Mapping[Factor, Decimal]) -> Change:
    """Round the parts to 12 places so that they sum to the exact change."""
    raw = [parts.get(factor, ZERO) for factor in FACTORS]
    rounded = round_to_total(raw, WORKING.subtract(after, before))
    return Change(before, after, dict(zip(FACTORS, rounded, strict=True)))


def segment_of(cells: list[Cell], actions: int) -> Segment:
    """Put a segment's calls together.

    Where no request ended in the period, its attempts stand for requests: nothing else counts it.
    """
    requests = sum(cell.calls for cell in cells if not cell.superseded)
    if cells and not requests:
        cells = [replace(cell, superseded=False) for cell in cells]
        requests = sum(cell.calls for cell in cells)
    keyed = {(c.segment, c.provider, c.model, c.superseded): c for c in cells}
    return Segment(max(actions, 1) if cells else 0, requests, keyed)


def parts_of(old: Segment, new: Segment) -> Iterator[tuple[Cell, Factor, Decimal]]:
    """Yield what each factor did through each cell and kind of unit, unrounded."""
    shared: list[tuple[Factor, tuple[Decimal | None, Decimal | None]]] = [
        ("volume", (Decimal(old.actions), Decimal(new.actions))),
        ("calls_per_action", (per_action(old), per_action(new))),
    ]
    for key in sorted({*old.cells, *new.cells}):
        cells = old.cells.get(key), new.cells.get(key)
        cell = cells[1] or cells[0]
        if cell is None:
            continue
        of_cell: list[tuple[Factor, tuple[Decimal | None, Decimal | None]]] = [
            ("retry" if key[3] else "model_mix", (share(old, cells[0]), share(new, cells[1])))
        ]
        for kind in sorted({kind for each in cells if each for kind in each.billed}):
            factors = shared + of_cell + kind_factors(*cells, kind)
            values = [carried(*pair) for _, pair in factors]
            parts = product_parts([pair[0] for pair in values], [pair[1] for pair in values])
            for (factor, _), part in zip(factors, parts, strict=True):
                if part:
                    yield cell, factor, part


def per_action(segment: Segment) -> Decimal | None:
    return quotient(segment.requests, segment.actions)


def share(segment: Segment, cell: Cell | None) -> Decimal | None:
    """Calls of the cell for each request of its segment."""
    return quotient(cell.calls if cell else 0, segment.requests)


def kind_factors(
    old: Cell | None, new: Cell | None, kind: str
) -> list[tuple[Factor, tuple[Decimal | None, Decimal | None]]]:
    """Tokens per call, price of one without caches, and what caches left of the cost."""
    before, after = levels(old, kind), levels(new, kind)
    left = carried(before[3], after[3])
    cache = tuple(
        None if served is None else WORKING.multiply(served, rest)
        for served, rest in zip((before[2], after[2]), left, strict=True)
    )
    return [
        ("tokens_per_call", (before[0], after[0])),
        ("price", (before[1], after[1])),
        ("cache", (cache[0], cache[1])),
    ]


def levels(
    cell: Cell | None, kind: str
) -> tuple[Decimal | None, Decimal | None, Decimal | None, Decimal | None]:
    """Units per call sent, USD per unit uncached, share of calls sent, share of cost left.

    Their product is the cost of the kind per call; None is what can't be told.
    """
    if cell is None or not cell.calls:
        return None, None, None, None
    billed = cell.billed.get(kind, NOTHING)
    sent = cell.calls - cell.hits
    if billed.cost_usd and sent <= 0:
        sent = cell.calls
    units = billed.units or (sent if billed.cost_usd else 0)
    uncached = WORKING.add(billed.cost_usd, billed.saving_usd)
    if uncached <= 0:
        uncached = billed.cost_usd
    return (
        quotient(units, sent),
        quotient(uncached, units),
        quotient(sent, cell.calls),
        quotient(billed.cost_usd, uncached),
    )


def quotient(part: Decimal | int, whole: Decimal | int) -> Decimal | None:
    return WORKING.divide(Decimal(part), Decimal(whole)) if whole else None


def carried(before: Decimal | None, after: Decimal | None) -> tuple[Decimal, Decimal]:
    """What one period can't tell is as in the other one: it then explains nothing."""
    first = before if before is not None else after
    second = after if after is not None else before
    return (ONE if first is None else first), (ONE if second is None else second)

"""Where each driver stood in a period, as figures that people know: the table beside the parts."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from finops.insights.shapley import WORKING, ZERO
from finops.queries.drivers import Cell, Period


@dataclass(frozen=True, slots=True)
class Levels:
    """Of all segments together; quotients are None where there is nothing to divide by.

    `price_usd` is USD per million tokens before any cache; `cache_left` is the share of that cost
    which was paid; `superseded_cost_usd` is what attempts cost that another one superseded.
    """

    actions: int
    calls_per_action: Decimal | None
    tokens_per_call: Decimal | None
    price_usd: Decimal | None
    cache_left: Decimal | None
    superseded_cost_usd: Decimal
    models: int


def levels_of(period: Period) -> Levels:
    """Sum a period up."""
    ended = [cell for cell in period.cells if not cell.superseded]
    actions = sum(period.actions.values())
    calls = sum(cell.calls for cell in ended)
    hits = sum(cell.hits for cell in ended)
    tokens = sum(tokens_of(cell) for cell in ended)
    paid = sum((cell.cost_usd for cell in ended), ZERO)
    uncached = paid + sum((b.saving_usd for cell in ended for b in cell.billed.values()), ZERO)
    # What hits would have cost: as much as the calls that were sent.
    unhit = uncached * calls / (calls - hits) if calls > hits else uncached
    return Levels(
        actions=actions,
        calls_per_action=quotient(calls, actions),
        tokens_per_call=quotient(tokens, calls - hits),
        price_usd=quotient(uncached * 1_000_000, tokens),
        cache_left=quotient(paid, unhit),
        superseded_cost_usd=sum((c.cost_usd for c in period.cells if c.superseded), ZERO),
        models=len({cell.model for cell in ended}),
    )


def tokens_of(cell: Cell) -> int:
    return sum(each.units for kind, each in cell.billed.items() if kind not in ("fees", "uses"))


def quotient(part: Decimal | int, whole: Decimal | int) -> Decimal | None:
    return WORKING.divide(Decimal(part), Decimal(whole)) if whole else None

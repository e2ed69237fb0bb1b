"""Share an amount of money out by weights, so that the parts add up to it in the last place."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeVar

from finops.costing.allocation.share import share_out as share_units_out

K = TypeVar("K", bound=Any)
PLACES = 12


def share_out(amount: Decimal, weights: Mapping[K, Decimal]) -> dict[K, Decimal]:
    """Split `amount` (12 places) in proportion to weights of at least 0, by the largest remainder.

    Without any weight above 0 there is nobody to share with: no parts.
    """
    if not any(weights.values()):
        return {}
    # Whole numbers all the way: both are amounts of the ledger or ratios, of at most 12 places.
    units = {key: int(weight.scaleb(PLACES)) for key, weight in weights.items()}
    parts = share_units_out(int(amount.scaleb(PLACES)), units)
    return {key: Decimal(part).scaleb(-PLACES) for key, part in parts.items()}

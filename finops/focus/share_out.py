"""Share an amount out by weights, so that the parts add up to it in the last place."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from decimal import Decimal
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


def share_out(amount: Decimal, weights: Mapping[K, Decimal], places: int = 12) -> dict[K, Decimal]:
    """Split `amount` in proportion to weights of at least 0, by the largest remainder.

    The parts have `places` decimals, as the amount must. Of equal remainders the weight that comes
    first gets the last unit. Without any weight above 0 there is nobody to share with: no parts.
    """
    total = sum(weights.values(), Decimal(0))
    if not total:
        return {}
    # Whole numbers all the way: units of the amount, weights over one denominator.
    units = int(amount.scaleb(places))
    scale = max(-int(weight.as_tuple().exponent) for weight in weights.values())
    whole = {key: int(weight.scaleb(max(scale, 0))) for key, weight in weights.items()}
    denominator = sum(whole.values())
    sign = -1 if units < 0 else 1
    shares = {key: divmod(abs(units) * weight, denominator) for key, weight in whole.items()}
    left = abs(units) - sum(floor for floor, _ in shares.values())
    lucky = set(sorted(shares, key=lambda key: -shares[key][1])[:left])
    return {
        key: Decimal(sign * (floor + (key in lucky))).scaleb(-places)
        for key, (floor, _) in shares.items()
    }

"""Sharing out whole units so that nothing is lost: the method of the largest remainder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

K = TypeVar("K", bound=Any)


def share_out(units: int, weights: Mapping[K, int]) -> dict[K, int]:
    """Split `units` in proportion to the weights; the parts add up to `units` exactly.

    Each part is its exact share rounded down; what is left goes by one to the largest remainders,
    among equal ones to the first by key. So the order of the weights doesn't matter. Raises
    ValueError where all weights are zero and there is something to share.
    """
    total = sum(weights.values())
    if not total:
        if units:
            raise ValueError("There is nobody to share with.")
        return dict.fromkeys(weights, 0)
    exact = {key: divmod(units * weight, total) for key, weight in weights.items()}
    parts = {key: part for key, (part, _) in exact.items()}
    left = units - sum(parts.values())
    by_remainder = sorted(exact, key=lambda key: (-exact[key][1], key))
    for key in by_remainder[:left]:
        parts[key] += 1
    return parts

"""How values were spread, as far as a histogram tells."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Distribution:
    """Of `count` values, `below[i]` were at most `bounds[i]`; `total` is their sum.

    `total` is None where no sum was sent. Values are taken to be above zero, as durations and
    counts are, and evenly spread within a bucket.
    """

    bounds: tuple[float, ...] = ()
    below: tuple[float, ...] = ()
    count: float = 0.0
    total: float | None = None

    @property
    def mean(self) -> float | None:
        """The exact mean; None without values or without their sum."""
        return self.total / self.count if self.total is not None and self.count else None

    def quantile(self, share: float) -> float | None:
        """Return the value that this share of all values doesn't exceed; None when unknown.

        What lies above the last bound is known to be only that: the last bound is returned.
        """
        if not self.bounds or self.count <= 0:
            return None
        wanted = share * self.count
        index = bisect_left(self.below, wanted)
        if index == len(self.bounds):
            return self.bounds[-1]
        low = self.bounds[index - 1] if index else min(0.0, self.bounds[0])
        under = self.below[index - 1] if index else 0.0
        inside = self.below[index] - under
        high = self.bounds[index]
        return high if inside <= 0 else low + (high - low) * (wanted - under) / inside

    def at_most(self, value: float) -> float:
        """Return how many values were at most this; between two bounds by their distances."""
        index = bisect_left(self.bounds, value)
        if index == len(self.bounds):
            return self.below[-1] if self.below else 0.0
        if self.bounds[index] == value:
            return self.below[index]
        low = self.bounds[index - 1] if index else min(0.0, self.bounds[0])
        under = self.below[index - 1] if index else 0.0
        width = self.bounds[index] - low
        inside = (value - low) / width if width > 0 and value > low else 0.0
        return under + (self.below[index] - under) * inside


def merge(parts: Sequence[Distribution]) -> Distribution:
    """Put distributions together; exact where their bounds are the same."""
    if len(parts) == 1:
        return parts[0]
    bounds = tuple(sorted({bound for part in parts for bound in part.bounds}))
    totals = [part.total for part in parts if part.total is not None]
    return Distribution(
        bounds,
        tuple(sum(part.at_most(bound) for part in parts) for bound in bounds),
        sum(part.count for part in parts),
        sum(totals) if len(totals) == len(parts) and parts else None,
    )

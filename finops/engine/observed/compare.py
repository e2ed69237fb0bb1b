"""Simulated beside measured: mean and percentiles of what users feel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from finops.engine.observed.run import Mask, Times
from finops.engine.profile import METRICS
from finops.engine.result import Floats, percentiles


@dataclass(frozen=True)
class Row:
    """One statistic of one metric, in seconds. `error` is simulated ÷ measured − 1."""

    metric: str
    statistic: str
    measured: float
    simulated: float

    @property
    def error(self) -> float:
        """Infinite where nothing was measured but something simulated (a queue, say)."""
        if self.measured:
            return self.simulated / self.measured - 1
        return 0.0 if self.simulated == self.measured else float("inf")


def compare(simulated: Times, measured: Times, chosen: Mask | None = None) -> list[Row]:
    """Rows of ttft, tpot, e2e and queue: mean, p50, p90, p95, p99 of the chosen requests.

    A request counts for a metric where both know it; a metric that no request has is left out.
    """
    rows = []
    ours, theirs = simulated.series(), measured.series()
    for metric, values in theirs.items():
        both = ~np.isnan(values) & ~np.isnan(ours[metric])
        if chosen is not None:
            both &= chosen
        found, seen = percentiles(ours[metric][both]), percentiles(values[both])
        rows += [Row(metric, name, seen[name], found[name]) for name in seen]
    return rows


def deviations(simulated: Times, measured: Times, chosen: Mask | None = None) -> dict[str, Floats]:
    """|simulated ÷ measured − 1| of ttft, tpot and e2e by chosen request, where both are known."""
    found = {}
    ours, theirs = simulated.series(), measured.series()
    for metric in METRICS:
        both = ~np.isnan(theirs[metric]) & ~np.isnan(ours[metric]) & (theirs[metric] > 0)
        if chosen is not None:
            both &= chosen
        found[metric] = np.abs(ours[metric][both] / theirs[metric][both] - 1)
    return found


def worst(rows: list[Row], metrics: tuple[str, ...] = METRICS) -> float:
    """The largest absolute error of these metrics."""
    return max((abs(row.error) for row in rows if row.metric in metrics), default=float("nan"))

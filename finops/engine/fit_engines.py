"""One fit for several engines: the physics of a step in common, and what each engine adds to it."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Rows
from dataclasses import astuple

import numpy as np

from finops.engine.calibrate import PRIOR_WEIGHT, SIGMA, Measured, bent, constants_of
from finops.engine.constants import Constants
from finops.engine.least_squares import least_squares
from finops.engine.points import Point
from finops.engine.result import Floats

# An engine's constants lie half as far from those in common as these may lie from the start.
OF_AN_ENGINE = 0.5
ROUNDS = 20


def fit_engines(
    points: Mapping[str, Rows[Point]], start: Constants
) -> tuple[Constants, Mapping[str, Constants]]:
    """Constants in common, and those of each engine, from the points of each.

    Both are found at once: what all engines show moves the constants in common, what one shows
    moves its own. An engine that isn't among them is best predicted by those in common.
    """
    engines = [Engine(Measured(found)) for found in points.values()]
    origin, sigma = np.log(astuple(start)), np.array(astuple(SIGMA))
    size = len(origin)

    def residuals(logs: Floats) -> Floats:
        common, *own = np.split(logs, len(engines) + 1)
        parts = [PRIOR_WEIGHT * (common - origin) / sigma]
        for engine, offset in zip(engines, own, strict=True):
            parts.append(engine.residuals(common + offset))
            parts.append(PRIOR_WEIGHT * offset / (OF_AN_ENGINE * sigma))
        return np.concatenate(parts)

    begun = np.concatenate([origin, np.zeros(size * len(engines))])
    common, *own = np.split(least_squares(residuals, begun, ROUNDS), len(engines) + 1)
    named = zip(points, own, strict=True)
    return constants_of(common), {name: constants_of(common + offset) for name, offset in named}


class Engine:
    """The points of an engine, and its last residuals: others' constants move more often."""

    def __init__(self, measured: Measured) -> None:
        self.measured = measured
        self.at = np.empty(0)
        self.last = np.empty(0)

    def residuals(self, logs: Floats) -> Floats:
        """What is left with these constants."""
        if not np.array_equal(logs, self.at):
            self.at, self.last = logs, bent(self.measured.logs(constants_of(logs)))
        return self.last

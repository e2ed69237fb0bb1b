"""Levenberg and Marquardt's method with numeric derivatives: small problems, numpy only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from finops.engine.result import Floats

STEP = 1e-5


def least_squares(residuals: Callable[[Floats], Floats], start: Floats, rounds: int = 60) -> Floats:
    """A local minimum of the sum of squared residuals, from `start`; deterministic."""
    at = np.array(start, np.float64)
    here = residuals(at)
    damping = 1e-2
    for _ in range(rounds):
        slope = np.stack(
            [(residuals(at + step) - here) / STEP for step in np.eye(len(at)) * STEP], axis=1
        )
        normal, pull = slope.T @ slope, slope.T @ here
        moved = False
        while not moved and damping < 1e8:
            scaled = normal + damping * np.diag(np.diag(normal) + 1e-12)
            there = at - np.linalg.solve(scaled, pull)
            new = residuals(there)
            moved = bool(new @ new < here @ here)
            damping = damping / 5 if moved else damping * 4
        if not moved:
            return at
        gain = here @ here - new @ new
        at, here = there, new
        if gain < 1e-9 * (here @ here):
            return at
    return at

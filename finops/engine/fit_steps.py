"""The time of a step from recorded steps, where no data sheet says what the hardware can do.

    seconds = step + token × tokens + row × rows + kv × KV tokens read + pair × pairs in chunks

None of the five may be negative: more work doesn't take less time. They are found by least squares
of the relative errors, so that the many short steps count beside the few long ones.
"""

from __future__ import annotations

from collections.abc import Sequence as Rows
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from finops.engine.errors import TooFewPoints
from finops.engine.executor import LinearStepTime
from finops.engine.result import Floats

FEWEST = 20


@dataclass(frozen=True)
class MeasuredStep:
    """What `Step.sizes()` says of a step, and how long it took."""

    tokens: int
    rows: int
    kv: int
    pairs: int
    seconds: float


def fit_steps(steps: Rows[MeasuredStep]) -> LinearStepTime:
    """The step time that fits best; raises TooFewPoints for fewer than 20 steps.

    Steps that don't differ can't tell two of the constants apart: record some at low and some at
    high load, with prompts among them.
    """
    if len(steps) < FEWEST:
        raise TooFewPoints(f"A step time needs {FEWEST} recorded steps or more, not {len(steps)}.")
    seconds = np.array([step.seconds for step in steps])
    if seconds.min() <= 0.0:
        raise TooFewPoints("Every recorded step must have taken some time.")
    sizes = [(1, step.tokens, step.rows, step.kv, step.pairs) for step in steps]
    per_second = np.array(sizes, np.float64) / seconds[:, None]
    found = [max(0, round(constant * 1e12)) for constant in not_negative(per_second)]
    # A step that takes no time at all would let the simulated clock stand still.
    return LinearStepTime(max(1, found[0]), *found[1:])


def not_negative(parts: Floats) -> Floats:
    """x ≥ 0 with the least (parts · x − 1)²; parts is [rows, few columns].

    The best x has some columns at 0 and is the plain least squares of the others, so each choice
    of columns is tried: 31 small solutions for five.
    """
    columns = parts.shape[1]
    best, least = np.zeros(columns), float(len(parts))
    scale = np.linalg.norm(parts, axis=0)
    scale[scale == 0.0] = 1.0
    scaled, ones = parts / scale, np.ones(len(parts))
    for size in range(1, columns + 1):
        for chosen in map(list, combinations(range(columns), size)):
            constants = np.linalg.lstsq(scaled[:, chosen], ones, rcond=1e-10)[0]
            off = scaled[:, chosen] @ constants - ones
            if constants.min() >= 0.0 and off @ off < least:
                least = float(off @ off)
                best = np.zeros(columns)
                best[chosen] = constants / scale[chosen]
    return best

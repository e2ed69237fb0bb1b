"""The time of a step from recorded steps, where no data sheet says what the hardware can do.

    seconds = f(tokens) + row × rows + kv × KV tokens read + pair × pairs of tokens in chunks

f starts at one token and rises from each power of two to the next by a slope of its own: flat where
a step waits for the weights, steep where it waits for the arithmetic, and with the jump that many
libraries make from one row to several. No slope is negative: more work doesn't take less time. All
are found together by least squares of errors relative to the step, so that the many short steps
count beside the few long ones.
"""

from __future__ import annotations

from collections.abc import Sequence as Rows
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finops.engine.errors import TooFewPoints
from finops.engine.result import Floats

Choice = NDArray[np.bool_]
FEWEST = 50


@dataclass(frozen=True)
class MeasuredStep:
    """What `Step.sizes()` says of a step, and how long it took."""

    tokens: int
    rows: int
    kv: int
    pairs: int
    seconds: float


@dataclass(frozen=True)
class FittedStepTime:
    """A step time as `finops.engine.executor.StepTime`, in picoseconds.

    `slopes[i]` is what a token costs from knots[i] on, up to the next knot.
    """

    first_ps: int
    knots: tuple[int, ...]
    slopes: tuple[int, ...]
    row_ps: int
    kv_ps: int
    pair_ps: int

    def fixed_ps(self, tokens: int, rows: int) -> int:
        time = self.first_ps + self.row_ps * rows
        for at, knot in enumerate(self.knots):
            if tokens <= knot:
                break
            end = self.knots[at + 1] if at + 1 < len(self.knots) else tokens
            time += self.slopes[at] * (min(tokens, end) - knot)
        return time


def fit_steps(steps: Rows[MeasuredStep]) -> FittedStepTime:
    """The step time that fits best; raises TooFewPoints for fewer than 50 steps.

    What steps never differed in can't be told apart, and sizes that none had are guessed from the
    nearest: record some at low and some at high load, with prompts among them.
    """
    if len(steps) < FEWEST:
        raise TooFewPoints(f"A step time needs {FEWEST} recorded steps or more, not {len(steps)}.")
    sizes = np.array([(s.tokens, s.rows, s.kv, s.pairs) for s in steps], np.float64)
    seconds = np.array([step.seconds for step in steps])
    if seconds.min() <= 0.0:
        raise TooFewPoints("Every recorded step must have taken some time.")
    knots = knots_of(sizes[:, 0])
    parts = np.column_stack((np.ones(len(steps)), ramps(sizes[:, 0], knots), sizes[:, 1:]))
    found = [round(x * 1e12) for x in relative(parts, seconds)]
    # A step that takes no time at all would let the simulated clock stand still.
    return FittedStepTime(max(1, found[0]), knots, tuple(found[1:-3]), *found[-3:])


def relative(parts: Floats, seconds: Floats) -> Floats:
    """Seconds by part, errors weighed by the expected time of a step.

    Weighed by the measured time, steps that happened to be quick would count more, and every
    prediction would be too low: so the weights come from the fit before.
    """
    expected = seconds
    for _ in range(3):
        found = not_negative(parts / expected[:, None], seconds / expected)
        expected = np.maximum(parts @ found, 1e-3 * seconds)
    return found


def knots_of(tokens: Floats) -> tuple[int, ...]:
    """1 and the powers of two, each but the first with several steps of more tokens."""
    found = [1]
    while np.count_nonzero(tokens > 2 * found[-1]) >= FEWEST // 5:
        found.append(2 * found[-1])
    return tuple(found)


def ramps(tokens: Floats, knots: tuple[int, ...]) -> Floats:
    """Tokens of each step that lie between a knot and the next: [steps, knots]."""
    ends = (*knots[1:], np.inf)
    parts = [np.clip(tokens, knot, end) - knot for knot, end in zip(knots, ends, strict=True)]
    return np.stack(parts, axis=1)


def not_negative(parts: Floats, goal: Floats) -> Floats:
    """The x ≥ 0 with the least (parts · x − goal)².

    Lawson and Hanson, Solving Least Squares Problems (1974), chapter 23: columns are freed one by
    one while that helps, and one whose x would turn negative goes back to 0.
    """
    scale = np.linalg.norm(parts, axis=0)
    scale[scale == 0.0] = 1.0
    scaled = parts / scale
    x, free = np.zeros(len(scale)), np.zeros(len(scale), bool)
    for _ in range(3 * len(scale)):
        gain = np.where(free, -np.inf, scaled.T @ (goal - scaled @ x))
        if gain.max() <= 1e-9 * len(goal):
            break
        free[gain.argmax()] = True
        x = solved(scaled, goal, x, free)
    return np.asarray(x / scale, np.float64)


def solved(
    scaled: Floats, goal: Floats, start: Floats, free: np.typing.NDArray[np.bool_]
) -> Floats:
    """The least squares of the free columns; those that get in the way are no longer free."""
    x = start
    while True:
        there: Floats = np.zeros(len(x))
        there[free] = np.linalg.lstsq(scaled[:, free], goal, rcond=None)[0]
        blocking = free & (there <= 0.0)
        if not blocking.any():
            return there
        share = np.min(x[blocking] / np.maximum(x[blocking] - there[blocking], 1e-300))
        x = x + share * (there - x)
        free &= x > 1e-12
        x[~free] = 0.0

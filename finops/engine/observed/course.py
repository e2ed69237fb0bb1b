"""A run as a course of steps: how its times depend on how long each kind of step takes.

Constants change when things happen, and through that a little of what happens. Within a round of
the fit only the former counts: every event keeps its place in the course of steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from finops.engine.executor import StepTime
from finops.engine.observed.lockstep import StepRow
from finops.engine.observed.run import Mask, Times
from finops.engine.result import Floats


@dataclass(frozen=True)
class Course:
    """The steps of a simulation, and where in them requests came, got a first and a last token.

    `kinds` are the (tokens, rows) that occur, `kind` is that of each step; `kv` and `pairs` are
    what each reads and attends to; `idle_s` is the pause before it. Places are steps and fractions
    of one. All by step, or by request that was chosen.
    """

    kinds: NDArray[np.int64]
    kind: NDArray[np.intp]
    kv: Floats
    pairs: Floats
    idle_s: Floats
    came: Floats
    first: Floats
    last: Floats
    output: Floats

    @classmethod
    def of(cls, steps: list[StepRow], times: Times, chosen: Mask) -> Self:
        """The course of a simulation; chosen requests must have finished in it."""
        rows = np.array(steps, np.int64)
        starts, ends = rows[:, 0] / 1e12, rows[:, 1] / 1e12
        kinds, kind = np.unique(rows[:, 2:4], axis=0, return_inverse=True)

        def place(time_ps: NDArray[np.int64]) -> Floats:
            time = time_ps[chosen] / 1e12
            at = np.minimum(np.searchsorted(ends, time), len(ends) - 1)
            return at + np.clip((time - starts[at]) / (ends[at] - starts[at]), 0.0, 1.0)

        return cls(
            kinds,
            kind.reshape(-1),
            rows[:, 4].astype(np.float64),
            rows[:, 5].astype(np.float64),
            starts - np.concatenate([[0.0], ends[:-1]]),
            place(times.arrival_ps),
            place(times.first_ps),
            place(times.finish_ps),
            times.output[chosen].astype(np.float64),
        )

    def predict(self, step_time: StepTime, delay_s: float = 0.0) -> dict[str, Floats]:
        """Seconds of ttft, tpot and e2e by chosen request if steps took as long as this says."""
        fixed = np.array([step_time.fixed_ps(int(t), int(n)) for t, n in self.kinds], np.float64)
        steps = fixed[self.kind] + step_time.kv_ps * self.kv + step_time.pair_ps * self.pairs
        ends = np.concatenate([[0.0], np.cumsum(steps / 1e12 + self.idle_s)])

        def time(place: Floats) -> Floats:
            # Within a step time runs evenly, after the pause before it.
            at = np.minimum(place.astype(np.int64), len(steps) - 1)
            part = (place - at) * steps[at] / 1e12
            return np.asarray(ends[at] + self.idle_s[at] + part)

        came, first, last = time(self.came), time(self.first), time(self.last)
        tokens = np.where(self.output > 1, self.output - 1, np.nan)
        return {
            "ttft": first - came + delay_s,
            "tpot": (last - first) / tokens,
            "e2e": last - came + delay_s,
        }

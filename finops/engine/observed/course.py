"""A run as a course of steps: how its times depend on how long each kind of step takes.

Constants change when things happen, and through that a little of what happens. Within a round of
the fit only the former counts: every event keeps its place in the course of steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from finops.engine.constants import Constants
from finops.engine.deployment import Deployment
from finops.engine.errors import TooFewPoints
from finops.engine.observed.engine_loop import StepRow
from finops.engine.observed.run import Mask, Times
from finops.engine.result import Floats
from finops.engine.step_time import kv_s, pair_s, row_s, tokens_s


@dataclass(frozen=True)
class Places:
    """Moments in a course: the number of a step, and how much of it had passed (0 to 1)."""

    step: NDArray[np.intp]
    part: Floats


@dataclass(frozen=True)
class Course:
    """The steps of a simulation, and where in them requests came, got a first and a last token.

    `tokens` are the numbers of tokens that occur, `kind` says which each step has; `rows`, `kv` and
    `pairs` are by step as well, and `idle_s` is the pause before each. The rest is by request.
    """

    tokens: Floats
    kind: NDArray[np.intp]
    rows: Floats
    kv: Floats
    pairs: Floats
    idle_s: Floats
    came: Places
    first: Places
    last: Places
    output: Floats

    @classmethod
    def of(cls, steps: list[StepRow], times: Times, chosen: Mask) -> Self:
        """The course of a simulation; chosen requests must have finished in it.

        Raises TooFewPoints if none has.
        """
        if not chosen.any():
            raise TooFewPoints(
                "None of the measured requests can be served: prompt and answer are longer than "
                "the KV cache or the engine's limit. Check the lengths, the GPU and its number."
            )
        columns = np.array(steps, np.int64)
        starts, ends = columns[:, 0], columns[:, 1]
        tokens, kind = np.unique(columns[:, 2], return_inverse=True)

        def places(moments: NDArray[np.int64]) -> Places:
            at = np.minimum(np.searchsorted(ends, moments[chosen]), len(ends) - 1)
            part = (moments[chosen] - starts[at]) / (ends[at] - starts[at])
            return Places(at, np.clip(part, 0.0, 1.0))

        before = np.concatenate([[0], ends[:-1]])
        rows, kv, pairs = columns[:, 3:].T.astype(np.float64)
        return cls(
            tokens.astype(np.float64),
            kind.reshape(-1),
            rows,
            kv,
            pairs,
            (starts - before) / 1e12,
            places(times.arrival_ps),
            places(times.first_ps),
            places(times.finish_ps),
            times.output[chosen].astype(np.float64),
        )

    def predict(
        self, at: Deployment, constants: Constants, mixed_kv: float = 1.0, delay_s: float = 0.0
    ) -> dict[str, Floats]:
        """Seconds of ttft, tpot and e2e by chosen request, with steps as long as this makes them.

        `mixed_kv` is that of a Setup; `delay_s` is what a client waits beyond the engine.
        """
        mixed = self.tokens[self.kind] > self.rows
        steps = tokens_s(at, self.tokens, constants)[self.kind]
        steps = steps + row_s(at, constants) * self.rows
        steps = steps + kv_s(at, constants) * self.kv * np.where(mixed, mixed_kv, 1.0)
        steps = steps + pair_s(at, constants) * self.pairs
        starts = np.cumsum(self.idle_s) + np.concatenate([[0.0], np.cumsum(steps)[:-1]])

        def time(places: Places) -> Floats:
            return np.asarray(starts[places.step] + places.part * steps[places.step])

        came, first, last = time(self.came), time(self.first), time(self.last)
        tokens = np.where(self.output > 1, self.output - 1, np.nan)
        return {
            "ttft": first - came + delay_s,
            "tpot": (last - first) / tokens,
            "e2e": last - came + delay_s,
        }

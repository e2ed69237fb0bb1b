"""Constants of the step time, fitted request by request to a recorded run.

A round simulates the whole run with the constants at hand, keeps the course of its steps, and finds
the constants with which this course comes closest to the measured times, by least squares on the
logarithms of predicted ÷ measured. Then the course is simulated again. Which request gets into
which step changes from round to round by chance; so the result is the mean of the later rounds.
"""

from __future__ import annotations

from collections.abc import Sequence as Rows
from dataclasses import astuple, dataclass, replace

import numpy as np

from finops.engine.calibrate import OUTLIER, SIGMA, constants_of
from finops.engine.constants import Constants, constants_for
from finops.engine.deployment import Deployment
from finops.engine.errors import TooFewPoints
from finops.engine.least_squares import least_squares
from finops.engine.observed.course import Course
from finops.engine.observed.replay import replay_steps, replayed_times, shared
from finops.engine.observed.run import Mask, Run, SeenBy, Setup, Times
from finops.engine.policy import Policy
from finops.engine.result import Floats

ROUNDS = 14
KEPT = 6  # the rounds whose mean counts
HALFWAY = 3  # the round that goes half of the way
PRIOR_WEIGHT = 0.02  # one SIGMA away from the start costs as much as this error of all requests
FEWEST = 10


@dataclass(frozen=True)
class RunFit:
    """Constants, which requests they were fitted to, and the run replayed with them.

    `setup` is that of the run, with the `mixed_kv` that was taken.
    """

    constants: Constants
    setup: Setup
    fitted: Mask
    simulated: Times


def fit_run(
    run: Run,
    policy: Policy,
    deployment: Deployment,
    start: Constants | None = None,
    *,
    chosen: Mask | None = None,
    mixed_kvs: Rows[float] = (),
) -> RunFit:
    """Constants with which the chosen requests take as long as they were measured to.

    Without `chosen`, the first half by arrival: the other half is then there to be predicted. All
    arrivals and lengths of the run are simulated, of the measured times only those of the chosen
    are used. `deployment` is that of one rank; the fit is kept close to `start` where the run says
    little. Of several `mixed_kvs` the one with the least loss is taken, see Setup.
    Deterministic. Raises TooFewPoints for fewer than ten chosen requests with a time.
    """
    fitted = run.first_half() if chosen is None else chosen
    known = fitted & ((run.times.first_ps >= 0) | (run.times.finish_ps >= 0))
    if int(known.sum()) < FEWEST:
        raise TooFewPoints(
            f"Only {int(known.sum())} of the chosen requests have a measured time; fit to at least "
            f"{FEWEST}."
        )
    begun = start or constants_for("", link=deployment.gpu.link)
    found = []
    for mixed_kv in mixed_kvs or (run.setup.mixed_kv,):
        tried = replace(run, setup=replace(run.setup, mixed_kv=mixed_kv))
        loss, constants = Search(tried, policy, deployment, known, begun).fit()
        found.append((loss, tried, constants))
    _, run, constants = min(found, key=lambda each: each[0])
    result, _ = replay_steps(run, policy, deployment, constants)
    return RunFit(constants, run.setup, fitted, replayed_times(run, result, constants))


@dataclass(frozen=True)
class Search:
    """The search for constants, near `start`, by the `known` requests."""

    run: Run
    policy: Policy
    deployment: Deployment
    known: Mask
    start: Constants

    def fit(self) -> tuple[float, Constants]:
        """The mean of the constants that the later rounds found, and their loss."""
        here = np.log(astuple(self.start))
        losses, found = [], []
        for number in range(ROUNDS):
            loss, there = self.improve(here)
            # Near saturation slower steps make larger batches, which make slower steps: what is
            # best for a course is too much for the next. Shorter and shorter ways settle that.
            here = here + (there - here) * HALFWAY / (HALFWAY + number)
            losses.append(loss)
            found.append(here)
        logs = np.mean(found[-KEPT:], axis=0)
        moved = self.moved(logs)
        return float(np.mean(losses[-KEPT:]) + moved @ moved), constants_of(logs)

    def moved(self, logs: Floats) -> Floats:
        """What it costs that the constants are elsewhere than at the start."""
        distance = (logs - np.log(astuple(self.start))) / np.array(astuple(SIGMA))
        return np.asarray(PRIOR_WEIGHT * distance)

    def improve(self, here: Floats) -> tuple[float, Floats]:
        """One round: how far off the simulation is, and logarithms of better constants."""
        constants, setup = constants_of(here), self.run.setup
        result, steps = replay_steps(self.run, self.policy, self.deployment, constants)
        known = self.known & result.finished
        course = Course.of(steps, Times.of(result), known)
        measured = {name: values[known] for name, values in self.run.times.series().items()}
        at = shared(self.deployment, setup)

        def misses(logs: Floats) -> list[Floats]:
            constants = constants_of(logs)
            delay = constants.request_us * 1e-6 if self.run.seen_by is SeenBy.CLIENT else 0.0
            predicted = course.predict(at, constants, setup.mixed_kv, delay)
            return [off(predicted[name], measured[name]) for name in predicted]

        def residuals(logs: Floats) -> Floats:
            return np.concatenate([*misses(logs), self.moved(logs)])

        loss = sum(float(miss @ miss) for miss in misses(here))
        return loss, least_squares(residuals, here)


def off(predicted: Floats, measured: Floats) -> Floats:
    """log(predicted ÷ measured) as residuals of Huber's loss; they weigh together as one does."""
    there = ~np.isnan(measured) & ~np.isnan(predicted) & (measured > 0)
    if not there.any():
        return np.zeros(0)
    logs = np.log(np.maximum(predicted[there], 1e-6) / measured[there])
    size = np.abs(logs)
    bent = np.sqrt(np.maximum(2 * OUTLIER * size - OUTLIER**2, 0.0))
    logs = np.where(size <= OUTLIER, logs, np.sign(logs) * bent)
    return np.asarray(logs / np.sqrt(len(logs)))

"""Constants of the step time, fitted request by request to a recorded run.

A round simulates the whole run with the constants at hand, keeps the course of its steps, and finds
the constants with which this course comes closest to the measured times, by least squares on the
logarithms of predicted ÷ measured. Then the course is simulated again. Which request gets into
which step changes from round to round by chance; so the result is the mean of the later rounds.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

from finops.engine.calibrate import OUTLIER, SIGMA, constants_of
from finops.engine.errors import TooFewPoints
from finops.engine.least_squares import least_squares
from finops.engine.observed.course import Course
from finops.engine.observed.replay import replay_steps, replayed_times, shared
from finops.engine.observed.run import Mask, Run, Seen, Times
from finops.engine.policy import Policy
from finops.engine.result import Floats
from finops.engine.step_time import Constants, Deployment, SimulatedExecutor

ROUNDS = 12
KEPT = 6  # the rounds whose mean counts
PRIOR_WEIGHT = 0.02  # one SIGMA away from the start costs as much as this error of all requests
# Derivatives are taken over 0.3 %: step times are whole picoseconds, less would be lost in them.
SCALE = 300.0
FEWEST = 10


@dataclass(frozen=True)
class RunFit:
    """Constants, which requests they were fitted to, and the run replayed with them."""

    constants: Constants
    fitted: Mask
    simulated: Times


def fit_run(
    run: Run,
    policy: Policy,
    deployment: Deployment,
    start: Constants | None = None,
    *,
    chosen: Mask | None = None,
) -> RunFit:
    """Constants with which the chosen requests take as long as they were measured to.

    Without `chosen`, the first half by arrival: the other half is then there to be predicted. All
    arrivals and lengths of the run are simulated, of the measured times only those of the chosen
    are used. `deployment` is that of one rank; the fit is kept close to `start` where the run says
    little. Deterministic. Raises TooFewPoints for fewer than ten chosen requests with a time.
    """
    begun = start or Constants()
    fitted = run.first_half() if chosen is None else chosen
    known = fitted & ((run.times.first_ps >= 0) | (run.times.finish_ps >= 0))
    if int(known.sum()) < FEWEST:
        raise TooFewPoints(
            f"Only {int(known.sum())} of the chosen requests have a measured time; fit to at least "
            f"{FEWEST}."
        )
    logs, found = np.log(astuple(begun)), []
    for _ in range(ROUNDS):
        logs = improve(run, policy, deployment, known, (logs, np.log(astuple(begun))))
        found.append(logs)
    constants = constants_of(np.mean(found[-KEPT:], axis=0))
    result, _ = replay_steps(run, policy, deployment, constants)
    return RunFit(constants, fitted, replayed_times(run, result, constants))


def improve(
    run: Run, policy: Policy, deployment: Deployment, known: Mask, logs: tuple[Floats, Floats]
) -> Floats:
    """One round: from the logarithms of the constants, and of those at the start, to new ones."""
    here, origin = logs
    result, steps = replay_steps(run, policy, deployment, constants_of(here))
    known = known & result.finished
    course = Course.of(steps, Times.of(result), known)
    measured = {name: values[known] for name, values in run.times.series().items()}
    at = shared(deployment, run.setup)
    sigma = np.array(astuple(SIGMA))

    def residuals(scaled: Floats) -> Floats:
        constants = constants_of(scaled * SCALE)
        delay = constants.request_us * 1e-6 if run.seen_by is Seen.CLIENT else 0.0
        predicted = course.predict(SimulatedExecutor(at, constants), delay)
        parts = [off(predicted[name], measured[name]) for name in predicted]
        return np.concatenate([*parts, PRIOR_WEIGHT * (scaled * SCALE - origin) / sigma])

    return np.asarray(least_squares(residuals, here / SCALE) * SCALE)


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

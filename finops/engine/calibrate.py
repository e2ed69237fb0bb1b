"""Constants of the step time, fitted to measured points."""

from __future__ import annotations

from collections.abc import Sequence as Rows
from dataclasses import astuple, dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from finops.engine.constants import Constants, constants_for
from finops.engine.deployment import Deployment
from finops.engine.errors import TooFewPoints
from finops.engine.least_squares import least_squares
from finops.engine.points import Mix, Point, course
from finops.engine.result import Floats
from finops.engine.step_time import kv_s, pair_s, row_s, tokens_s

# How far a constant may plausibly be from where the fit starts: the deviation of its logarithm. Few
# points don't move those that they say nothing about.
SIGMA = Constants(
    memory=0.3,
    compute=0.4,
    kv=0.3,
    link=0.7,
    step_us=1.0,
    layer_us=0.7,
    row_us=0.7,
    allreduce_us=0.7,
    request_us=1.0,
    door_us=1.0,
    token_us=1.0,
)
PRIOR_WEIGHT = 0.15  # one such deviation costs as much as this relative error
TTFT_WEIGHT = 0.5
OUTLIER = 0.1  # residuals beyond it count linearly
# Tokens of a step, for fitting: all to 64, then 3 % apart.
MARKS = np.concatenate([np.arange(1.0, 65.0), 64.0 * 1.03 ** np.arange(1, 300)])
BEND = 8.0  # how sharply a front end's limit sets in


@dataclass(frozen=True)
class Profile:
    """What a calibration found: constants, and how many clients the engine keeps waiting."""

    constants: Constants
    held_back: int = 0


@dataclass(frozen=True)
class Errors:
    """Absolute relative errors of predictions; NaN where nothing was measured."""

    points: int
    tpot_mean: float
    tpot_median: float
    ttft_mean: float
    ttft_median: float


def spread_out(tokens: Floats, weights: Floats) -> Floats:
    """Weights of the MARKS that stand for those of the tokens: a count between two counts as both.

    So a time that is linear between marks comes out exactly, and others within 0.1 %.
    """
    above = np.clip(np.searchsorted(MARKS, tokens), 1, len(MARKS) - 1)
    share = (tokens - MARKS[above - 1]) / (MARKS[above] - MARKS[above - 1])
    low = np.bincount(above - 1, weights * (1.0 - share), len(MARKS))
    return np.asarray(low + np.bincount(above, weights * share, len(MARKS)), np.float64)


class Steps:
    """The points of one deployment, ready to be predicted for any constants."""

    def __init__(self, deployment: Deployment, points: Rows[Point]) -> None:
        self.deployment = deployment
        self.clients = np.array([point.clients for point in points], np.float64)
        self.outputs = np.array([point.output * (1 - point.spread / 2) for point in points])
        courses = [course(point) for point in points]
        mixes: list[Mix] = [mix for found in courses for mix in (found.ttft, found.tpot)]
        self.weights = np.stack([spread_out(mix.tokens, mix.weights) for mix in mixes])
        self.sums = np.array([(mix.rows, mix.kv, mix.pairs) for mix in mixes])

    def predict(self, constants: Constants) -> Floats:
        """TTFT and TPOT in seconds of each point: shape (points, 2)."""
        at = self.deployment
        slopes = np.array([row_s(at, constants), kv_s(at, constants), pair_s(at, constants)])
        times = self.weights @ tokens_s(at, MARKS, constants) + self.sums @ slopes
        times = times.reshape(-1, 2)
        times[:, 0] += constants.request_us * 1e-6
        times[:, 0] += self.at_the_door(times, constants)
        return np.asarray(times)

    def at_the_door(self, times: Floats, constants: Constants) -> Floats:
        """Seconds that requests wait for a front end that serves one after the other.

        N clients, each of which occupies it for D seconds, see N × D from request to answer at
        least, however fast the engine is (Denning and Buzen's asymptotic bound).
        """
        whole = times[:, 0] + times[:, 1] * (self.outputs - 1)
        each = constants.door_us + constants.token_us * self.outputs
        least = self.clients * each * 1e-6
        return np.asarray((whole**BEND + least**BEND) ** (1 / BEND) - whole)


class Measured:
    """Points, and what was measured at them: TTFT and TPOT in seconds, NaN for none."""

    def __init__(self, points: Rows[Point]) -> None:
        by_deployment: dict[Deployment, list[int]] = {}
        for at, point in enumerate(points):
            by_deployment.setdefault(point.deployment, []).append(at)
        self.order = [at for places in by_deployment.values() for at in places]
        self.steps = [
            Steps(deployment, [points[at] for at in places])
            for deployment, places in by_deployment.items()
        ]
        values = [(points[at].ttft_s, points[at].tpot_s) for at in self.order]
        self.seen = np.array(values, np.float64).reshape(-1, 2)

    def logs(self, constants: Constants) -> Floats:
        """log(predicted ÷ measured), NaN where nothing was measured."""
        predicted = np.concatenate([steps.predict(constants) for steps in self.steps])
        return np.asarray(np.log(predicted / self.seen))


def held_back(points: Rows[Point], count: int) -> list[Point]:
    """The same points with an engine that runs `count` sequences fewer than there are clients."""
    return [replace(point, held_back=count) for point in points]


def deviations(points: Rows[Point], profile: Profile) -> Floats:
    """Absolute relative errors of TTFT and TPOT, by point in no order; NaN for not measured."""
    measured = Measured(held_back(points, profile.held_back))
    return np.asarray(np.abs(np.expm1(measured.logs(profile.constants))))


def errors(points: Rows[Point], profile: Profile) -> Errors:
    """How far predictions with this profile are from what was measured."""
    if not points:
        return Errors(0, *(float("nan"),) * 4)
    off = deviations(points, profile)
    ttft, tpot = (column[~np.isnan(column)] for column in off.T)
    figures = [
        float(what(column)) if len(column) else float("nan")
        for column in (tpot, ttft)
        for what in (np.mean, np.median)
    ]
    return Errors(len(points), *figures)


def calibrate(points: Rows[Point], start: Constants | None = None) -> Profile:
    """What brings predictions closest to the points, starting from the constants `start`.

    Without `start`, from what was fitted to recorded points of that engine and kind of model.
    Both values of `held_back` are tried, 0 and 1; the better fit counts. A fit minimises the
    logarithms of predicted ÷ measured (Huber's loss, so that outliers don't rule) plus the distance
    from `start` in units of SIGMA, by Levenberg and Marquardt's method on the logarithms of the
    constants. Raises TooFewPoints without any measured figure.
    """
    if all(point.ttft_s is None and point.tpot_s is None for point in points):
        raise TooFewPoints("Give at least one point with a measured TTFT or TPOT.")
    at = points[0].deployment
    start = start or constants_for(at.backend, at.model.experts > 0, at.gpu.link)
    fits = [fit(held_back(points, count), start) for count in (0, 1)]
    losses = [loss for _, loss in fits]
    best = losses.index(min(losses))
    return Profile(fits[best][0], best)


def fit(points: Rows[Point], start: Constants) -> tuple[Constants, float]:
    """Constants fitted to the points as they are, and the loss that is left."""
    measured = Measured(points)
    origin = np.log(astuple(start))
    sigma = np.array(astuple(SIGMA))

    def residuals(logs: Floats) -> Floats:
        off = bent(measured.logs(constants_of(logs)))
        return np.concatenate([off, PRIOR_WEIGHT * (logs - origin) / sigma])

    found = least_squares(residuals, origin)
    left = residuals(found)
    return constants_of(found), float(left @ left)


def bent(logs: Floats) -> Floats:
    """Residuals of TTFT and TPOT; half the sum of their squares is Huber's loss, NaN left out."""
    off = logs * (TTFT_WEIGHT, 1.0)
    off = off[~np.isnan(off)]
    size = np.abs(off)
    outside = np.sqrt(np.maximum(2 * OUTLIER * size - OUTLIER**2, 0.0))
    return np.asarray(np.where(size <= OUTLIER, off, np.sign(off) * outside))


def constants_of(logs: NDArray[np.float64]) -> Constants:
    """Constants from the logarithms of their values, in the order of the fields."""
    names = [field.name for field in fields(Constants)]
    return Constants(**dict(zip(names, map(float, np.exp(logs)), strict=True)))

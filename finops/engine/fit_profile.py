"""From measured points to a profile: the fit, its errors in and out of sample, and its spread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from collections.abc import Sequence as Rows
from dataclasses import fields

import numpy as np

from finops.engine.calibrate import Measured, Profile, calibrate, held_back
from finops.engine.constants import Constants
from finops.engine.deployment import Deployment
from finops.engine.errors import InvalidPolicy, NeedsCalibration, TooFewPoints
from finops.engine.points import Point
from finops.engine.profile import METRICS, Deviation, Habits, ProfileRecord, Seen, Spread
from finops.engine.result import Floats
from finops.engine.spreads import expected_by, expected_spread, observed_spread
from finops.engine.step_time import uncalibrated

Progress = Callable[[int, int], None]

FEWEST_OF_UNKNOWN = 3  # points of what can't be predicted without any
MOST_LEFT_OUT_ONE_BY_ONE = 20
FOLDS = 10
# Three loads that tell most: nobody waits, a batch of middle size, and a full one.
SUGGESTED_CLIENTS = (1, 16, 128)


def what_to_measure() -> str:
    """The advice for a deployment of which too little is known."""
    low, middle, high = SUGGESTED_CLIENTS
    return (
        f"Measure three points, at low, middle and high load: {low}, {middle} and {high} clients "
        "at a time with your usual lengths (for vLLM: `vllm bench serve --max-concurrency N "
        "--save-result`), and give the results to `manage.py calibrate`."
    )


def fit_profile(
    points: Rows[Point],
    sources: Rows[str],
    made_at: str,
    start: Constants | None = None,
    progress: Progress = lambda done, total: None,
) -> ProfileRecord:
    """The profile of one deployment's points, which may differ in `tp` and `ep` only.

    `progress` is told how many of the fits are done, and of how many.
    Raises TooFewPoints without any figure, and NeedsCalibration for a mixture of experts with fewer
    than three points.
    """
    points = [point for point in points if not (point.ttft_s is None and point.tpot_s is None)]
    if not points:
        raise TooFewPoints(f"No point has a measured TTFT or TPOT. {what_to_measure()}")
    at = points[0].deployment
    if len(points) < FEWEST_OF_UNKNOWN:
        without = unknown(at)
        if without:
            raise NeedsCalibration(f"{without} {len(points)} are too few. {what_to_measure()}")
    fitted = calibrate(points, start)
    unseen, way = cross_validate(points, start, progress)
    spread, spread_by = spread_of(unseen, len(points), at)
    return ProfileRecord(
        deployment=min((p.deployment for p in points), key=lambda one: (one.tp, one.ep)),
        constants=fitted.constants,
        held_back=fitted.held_back,
        habits=habits_of(points),
        seen=seen_of(points),
        errors=deviations_of(residuals(points, fitted)),
        held_out=deviations_of(unseen),
        held_out_by=way,
        spread=spread,
        spread_by=spread_by,
        sources=tuple(sources),
        made_at=made_at,
    )


def without_points(deployment: Deployment, made_at: str) -> ProfileRecord:
    """What the engine says of a deployment that nobody measured; raises NeedsCalibration.

    A mixture of experts is refused, and a precision that nobody measured on that GPU: the errors
    would be too large to be of use. Raises InvalidPolicy for a model that the GPUs don't hold.
    """
    if not deployment.kv_blocks():
        raise InvalidPolicy(
            f"{deployment.model.name} in {deployment.weights} doesn't fit on {deployment.gpus} × "
            f"{deployment.gpu.name}: more GPUs (--tp) or a smaller precision may hold it."
        )
    without = unknown(deployment)
    if without:
        raise NeedsCalibration(f"{without} {what_to_measure()}")
    return ProfileRecord(
        deployment=deployment,
        constants=uncalibrated(deployment),
        held_back=0,
        habits=Habits(),
        seen=Seen(),
        errors={},
        held_out={},
        held_out_by="nothing was measured",
        spread=expected_spread(0, deployment),
        spread_by=expected_by(0, deployment),
        sources=("the engine's own constants, fitted to public measurements of dense models",),
        made_at=made_at,
    )


def unknown(deployment: Deployment) -> str:
    """Why nothing can be said of a deployment before it was measured; '' if something can."""
    try:
        uncalibrated(deployment)
    except NeedsCalibration as error:
        return str(error)
    return ""


def residuals(points: Rows[Point], profile: Profile) -> Floats:
    """log(measured ÷ predicted) of TTFT, TPOT and end-to-end time, by point; NaN for unmeasured.

    A request's time from end to end is TTFT + (tokens − 1) × TPOT.
    """
    measured = Measured(held_back(points, profile.held_back))
    off = measured.logs(profile.constants)
    predicted = measured.seen * np.exp(off)
    gaps = np.array([decode_steps(points[at]) for at in measured.order])
    ends = [times[:, 0] + gaps * times[:, 1] for times in (measured.seen, predicted)]
    found = np.empty((len(points), len(METRICS)))
    found[measured.order] = np.column_stack([-off, np.log(ends[0] / ends[1])])
    return found


def decode_steps(point: Point) -> float:
    """Steps between the first and the last token, in the mean."""
    return point.output * (1 - point.spread / 2) - 1


def cross_validate(
    points: Rows[Point],
    start: Constants | None,
    progress: Progress = lambda done, total: None,
) -> tuple[Floats, str]:
    """Residuals of each point from a fit that didn't see it, and how it was done.

    Nothing for fewer than three points: what is left of two says too little.
    """
    count = len(points)
    if count < 3:
        return np.full((0, len(METRICS)), np.nan), "too few points to leave any out"
    one_by_one = count <= MOST_LEFT_OUT_ONE_BY_ONE
    order = np.random.default_rng(0).permutation(count)
    parts = np.array_split(order, count if one_by_one else FOLDS)
    found = np.full((count, len(METRICS)), np.nan)
    for done, part in enumerate(parts):
        progress(done + 1, len(parts) + 1)
        rest = [points[at] for at in order if at not in part]
        if all(point.ttft_s is None and point.tpot_s is None for point in rest):
            continue
        found[part] = residuals([points[at] for at in part], calibrate(rest, start))
    return found, "each point left out once" if one_by_one else f"{FOLDS} parts, each left out once"


def spread_of(unseen: Floats, count: int, deployment: Deployment) -> tuple[dict[str, Spread], str]:
    """Bounds by metric: observed where enough points were left out, else expected."""
    expected = expected_spread(count, deployment)
    observed = {
        metric: found
        for metric, column in zip(METRICS, unseen.T, strict=True)
        if (found := observed_spread(column)) is not None
    }
    if not observed:
        return expected, expected_by(count, deployment)
    by = "residuals of points that were left out (split-conformal)"
    missing = [metric for metric in METRICS if metric not in observed]
    if missing:
        by += f"; {', '.join(missing)}: {expected_by(count, deployment)}"
    return {**expected, **observed}, by


def deviations_of(found: Floats) -> Mapping[str, Deviation]:
    """|predicted ÷ measured − 1| by metric, of what was measured."""
    errors: dict[str, Deviation] = {}
    for metric, column in zip(METRICS, found.T, strict=True):
        off = np.abs(np.expm1(-column[~np.isnan(column)]))
        if len(off):
            errors[metric] = Deviation(
                len(off), float(off.mean()), float(np.median(off)), float(off.max())
            )
    return errors


def habits_of(points: Rows[Point]) -> Habits:
    """How the engine treats requests at most of the points."""
    names = [field.name for field in fields(Habits)]
    found = Counter(tuple(getattr(point, name) for name in names) for point in points)
    (usual, _), *_ = found.most_common(1)
    return Habits(*usual)


def seen_of(points: Rows[Point]) -> Seen:
    """Lowest and highest of what the points asked for."""

    def ends(values: list[int]) -> tuple[int, int]:
        return min(values), max(values)

    return Seen(
        points=len(points),
        clients=ends([point.clients for point in points]),
        prompt=ends([point.prompt for point in points]),
        output=ends([point.output for point in points]),
        tp=tuple(sorted({point.deployment.tp for point in points})),
    )

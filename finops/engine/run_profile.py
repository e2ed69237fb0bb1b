"""From a recorded run to a profile: the fit, its errors, and its spread on what it didn't see."""

from __future__ import annotations

from collections.abc import Sequence as Rows
from dataclasses import dataclass

import numpy as np

from finops.engine.constants import Constants
from finops.engine.deployment import Deployment
from finops.engine.errors import TooFewPoints
from finops.engine.fit_profile import deviations_of, spread_of
from finops.engine.observed.compare import Row, compare
from finops.engine.observed.fit import fit_run
from finops.engine.observed.run import Mask, Run, Times
from finops.engine.policy import Policy
from finops.engine.profile import METRICS, Habits, ProfileRecord, Seen, Spread
from finops.engine.result import Floats
from finops.engine.spreads import ENOUGH, expected_by, expected_spread

WINDOWS = 12
FEWEST_IN_WINDOW = 5
FEWEST = 20


@dataclass(frozen=True)
class RunProfile:
    """A profile, and the later half of its run beside what a fit to the earlier one says of it."""

    record: ProfileRecord
    unseen: list[Row]


def profile_of_run(
    run: Run,
    policy: Policy,
    deployment: Deployment,
    sources: Rows[str],
    made_at: str,
    *,
    chosen: Mask | None = None,
    start: Constants | None = None,
) -> RunProfile:
    """The profile of a run: constants fitted to all chosen requests.

    Errors and spread are those of means over windows, up to twelve of equal numbers of requests in
    each half by arrival. `errors` are those of the earlier half that a fit has seen, `held_out`
    those of the later half with that fit. Raises TooFewPoints for fewer than twenty requests.
    """
    known = np.ones(len(run), np.bool_) if chosen is None else chosen
    if known.sum() < FEWEST:
        raise TooFewPoints(
            f"{int(known.sum())} requests are too few to fit to: choose a time with at least "
            f"{FEWEST}, better some hundreds, at changing load."
        )
    half = np.cumsum(known) <= (known.sum() + 1) // 2
    early, late = known & half, known & ~half
    begun = fit_run(run, policy, deployment, start, chosen=early)
    fitted = fit_run(run, policy, deployment, begun.constants, chosen=known)
    unseen = window_residuals(run.times, begun.simulated, late)
    count = len(unseen)
    spread, spread_by = spread_of_windows(unseen, deployment)
    record = ProfileRecord(
        deployment=deployment,
        constants=fitted.constants,
        held_back=0,
        habits=Habits(budget=policy.max_tokens, reserve=policy.reserve),
        seen=seen_in(run, known, deployment),
        errors=deviations_of(window_residuals(run.times, begun.simulated, early)),
        held_out=deviations_of(unseen),
        held_out_by=f"{count} windows of the later half, from a fit to the earlier one",
        spread=spread,
        spread_by=spread_by,
        sources=tuple(sources),
        made_at=made_at,
    )
    return RunProfile(record, compare(begun.simulated, run.times, late))


def spread_of_windows(unseen: Floats, deployment: Deployment) -> tuple[dict[str, Spread], str]:
    """Bounds from the windows that a fit didn't see; with too few, those of three points."""
    if len(unseen) >= ENOUGH:
        return spread_of(unseen, len(unseen), deployment)
    return expected_spread(3, deployment), expected_by(3, deployment)


def window_residuals(measured: Times, simulated: Times, chosen: Mask) -> Floats:
    """log(measured ÷ simulated) of the means of windows: (windows, metrics); NaN for unmeasured."""
    places = np.flatnonzero(chosen)
    count = min(WINDOWS, len(places) // FEWEST_IN_WINDOW)
    ours, theirs = simulated.series(), measured.series()
    found = np.full((count, len(METRICS)), np.nan)
    for window, part in enumerate(np.array_split(places, max(count, 1))[:count]):
        for at, metric in enumerate(METRICS):
            seen, said = theirs[metric][part], ours[metric][part]
            both = ~np.isnan(seen) & ~np.isnan(said)
            if both.any():
                found[window, at] = np.log(seen[both].mean() / said[both].mean())
    return found


def seen_in(run: Run, chosen: Mask, deployment: Deployment) -> Seen:
    """What the run covers: requests in flight when one came, and lengths; the middle 90 %."""
    times = run.times
    came = times.arrival_ps[chosen]
    begun = np.searchsorted(times.arrival_ps, came, side="right")
    gone = np.searchsorted(np.sort(times.finish_ps[times.finish_ps >= 0]), came, side="right")

    def ends(values: Floats) -> tuple[int, int]:
        low, high = np.percentile(values, (5, 95))
        return max(1, int(np.floor(low))), int(np.ceil(high))

    return Seen(
        points=int(chosen.sum()),
        clients=ends((begun - gone).astype(np.float64)),
        prompt=ends(run.workload.prompt[chosen].astype(np.float64)),
        output=ends(run.workload.output[chosen].astype(np.float64)),
        tp=(deployment.tp,),
    )

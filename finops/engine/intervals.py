"""Predictions with the interval that holds what will be measured in 80 of 100 cases.

An interval is the predicted figure times exp(low) to exp(high) of the profile's spread: residuals
that points left out of the fit have shown or, with few points or none, those of other deployments
with as many (finops.engine.spreads). Beyond what was measured it widens by as much as recorded
fits got worse there. A latency's interval holds means of a load, not single requests.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np

from finops.engine.calibrate import Measured
from finops.engine.errors import InvalidPolicy, InvalidProfile
from finops.engine.executor import StepTime
from finops.engine.fit_profile import decode_steps
from finops.engine.points import Point
from finops.engine.policy import BatchPolicy, Policy
from finops.engine.profile import E2E, TPOT, TTFT, ProfileRecord, Seen, Spread
from finops.engine.result import Result, percentiles
from finops.engine.simulate import simulate
from finops.engine.spreads import spreads
from finops.engine.step_time import SimulatedExecutor
from finops.engine.workload import Workload

NOTHING_MEASURED = "Nothing was measured on this deployment: the interval is that of others."


@dataclass(frozen=True)
class Interval:
    """A predicted figure; what is measured lies between `low` and `high` in 80 of 100 cases."""

    value: float
    low: float
    high: float

    def holds(self, measured: float) -> bool:
        """Whether a measured figure lies in it."""
        return self.low <= measured <= self.high


@dataclass(frozen=True)
class Prediction:
    """Means of a closed loop of clients: seconds, and output tokens per second of all of them.

    `notes` say what the profile doesn't cover.
    """

    ttft_s: Interval
    tpot_s: Interval
    e2e_s: Interval
    output_tokens_per_s: Interval
    notes: tuple[str, ...]


@dataclass(frozen=True)
class LoadPrediction:
    """Figures of any workload: those of Result.summary by name and mark, and tokens per second."""

    latencies: Mapping[str, Mapping[str, Interval]]
    output_tokens_per_s: Interval
    notes: tuple[str, ...]


def predict(record: ProfileRecord, point: Point) -> Prediction:
    """What a closed loop of clients will see.

    Raises InvalidProfile for another deployment, InvalidPolicy for a request that doesn't fit.
    """
    check_deployment(record, point)
    check_room(point)
    reach, notes = beyond(record.seen, point)
    ready = replace(point, ttft_s=1.0, tpot_s=1.0, held_back=record.held_back)
    # Relative to one second, that is, in seconds.
    ttft, tpot = map(float, np.exp(Measured([ready]).logs(record.constants))[0])
    e2e = ttft + decode_steps(point) * tpot
    tokens_per_s = point.clients * (decode_steps(point) + 1) / e2e
    around_e2e = widened(record, E2E, reach)
    return Prediction(
        ttft_s=around(ttft, widened(record, TTFT, reach)),
        tpot_s=around(tpot, widened(record, TPOT, reach)),
        e2e_s=around(e2e, around_e2e),
        # In a closed loop, tokens per second are clients × tokens ÷ time from end to end.
        output_tokens_per_s=around(tokens_per_s, Spread(-around_e2e.high, -around_e2e.low)),
        notes=notes,
    )


def check_room(point: Point) -> None:
    """Raise InvalidPolicy where the KV cache doesn't hold one request, unless it was measured."""
    if point.ttft_s is not None or point.tpot_s is not None:
        return
    room, tokens = point.deployment.kv_blocks() * 16, point.prompt + point.output
    if tokens > room:
        raise InvalidPolicy(
            f"A request of {tokens:,} tokens doesn't fit: the KV cache holds {room:,}. More GPUs, "
            "a smaller precision of weights or cache, or a shorter request may."
        )


def predict_workload(
    record: ProfileRecord, workload: Workload, policy: Policy | BatchPolicy
) -> LoadPrediction:
    """What any workload will see on the profile's deployment.

    It is simulated three times: with the profile's step times, and with those at both ends of the
    interval of TPOT, since a server that is a little slower than predicted may be one whose queue
    never ends. A figure's interval reaches from the lower to the higher of these runs, and at least
    as far as the spread of its own metric. A front end that serves one request after the other
    (Constants.door_us) isn't part of the simulation.
    """
    executor = SimulatedExecutor(record.deployment, record.constants)
    spread = record.spread[TPOT]
    paces = (1.0, math.exp(spread.low), math.exp(spread.high))
    runs = [simulate(workload, policy, Paced(executor, pace)) for pace in paces]
    front_s = record.constants.request_us * 1e-6
    marks = [latencies(run, front_s) for run in runs]
    found = {
        name: {
            mark: among([run[name][mark] for run in marks], record.spread.get(name, spread))
            for mark in marks[0][name]
        }
        for name in marks[0]
        if all(run[name] for run in marks)
    }
    speeds = among([run.output_tokens_per_s for run in runs], Spread(0.0, 0.0))
    return LoadPrediction(found, speeds, notes_of_workload(record.seen, workload))


class Paced:
    """A step time with every step longer by one factor."""

    def __init__(self, steps: StepTime, pace: float) -> None:
        self.steps, self.pace = steps, pace
        self.kv_ps = round(steps.kv_ps * pace)
        self.pair_ps = round(steps.pair_ps * pace)

    def fixed_ps(self, tokens: int, rows: int) -> int:
        return max(1, round(self.steps.fixed_ps(tokens, rows) * self.pace))


def latencies(run: Result, front_s: float) -> dict[str, dict[str, float]]:
    """Marks of ttft, tpot, e2e and queue in seconds; `front_s` is part of ttft and e2e."""
    return {
        TTFT: percentiles(run.ttft_s() + front_s),
        TPOT: percentiles(run.tpot_s()),
        E2E: percentiles(run.e2e_s() + front_s),
        "queue": percentiles(run.queue_s()),
    }


def among(values: list[float], spread: Spread) -> Interval:
    """The first value, with all of them and its own spread inside."""
    own = around(values[0], spread)
    return Interval(values[0], min(own.low, *values), max(own.high, *values))


def around(value: float, spread: Spread) -> Interval:
    """A value with the bounds of log(measured ÷ predicted)."""
    return Interval(value, value * math.exp(spread.low), value * math.exp(spread.high))


def widened(record: ProfileRecord, metric: str, reach: float) -> Spread:
    """The spread of a metric at exp(reach) times the load that was measured."""
    spread, factor = record.spread[metric], 1 + spreads().beyond[metric] * reach
    return Spread(spread.low * factor, spread.high * factor)


def check_deployment(record: ProfileRecord, point: Point) -> None:
    """Raise InvalidProfile unless the point runs on what the profile is of; `tp` may differ."""
    wanted, known = (replace(at, tp=1, ep=1) for at in (point.deployment, record.deployment))
    if wanted == known:
        return
    names = [field.name for field in fields(wanted)]
    differ = [name for name in names if getattr(wanted, name) != getattr(known, name)]
    raise InvalidProfile(
        f"The profile is of another deployment: {', '.join(differ)} differs. "
        "Choose the profile of this one, or calibrate it."
    )


def beyond(seen: Seen, point: Point) -> tuple[float, tuple[str, ...]]:
    """How far a point is outside of what was measured (the logarithm of the ratio), and notes."""
    if not seen.points:
        return 0.0, (NOTHING_MEASURED,)
    asked = {
        "clients": (point.clients, seen.clients),
        "prompt tokens": (point.prompt, seen.prompt),
        "output tokens": (point.output, seen.output),
    }
    reaches = {name: reach_of(value, ends) for name, (value, ends) in asked.items()}
    notes = [
        f"{asked[name][0]} {name} are outside of what was measured "
        f"({asked[name][1][0]} to {asked[name][1][1]}): the interval is wider."
        for name, reach in reaches.items()
        if reach
    ]
    tp = point.deployment.tp
    reaches["tp"] = min(abs(math.log(tp / known)) for known in seen.tp)
    if reaches["tp"]:
        notes.append(f"tp {tp} wasn't measured: the interval is wider.")
    return max(reaches.values()), tuple(notes)


def reach_of(value: float, ends: tuple[int, int]) -> float:
    """log of how many times a value lies beyond the nearer end; 0 inside."""
    low, high = ends
    return max(0.0, math.log(value / max(high, 1)), math.log(max(low, 1) / value))


def notes_of_workload(seen: Seen, workload: Workload) -> tuple[str, ...]:
    """Which lengths of a workload lie mostly outside of what was measured."""
    if not seen.points:
        return (NOTHING_MEASURED,)
    means = (("prompt", workload.prompt, seen.prompt), ("output", workload.output, seen.output))
    return tuple(
        f"{name}s of {values.mean():.0f} tokens in the mean are outside of what was measured "
        f"({ends[0]} to {ends[1]})."
        for name, values, ends in means
        if len(values) and reach_of(float(values.mean()), ends)
    )

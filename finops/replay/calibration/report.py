"""What a calibration says for itself: measured beside predicted, errors, the interval."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Rows
from dataclasses import dataclass, replace

from finops.engine.calibrate import Profile
from finops.engine.deployment import Deployment
from finops.engine.fit_profile import (
    SUGGESTED_CLIENTS,
    decode_steps,
    deviations_of,
    residuals,
    what_to_measure,
)
from finops.engine.intervals import Interval, Prediction, predict
from finops.engine.observed.compare import Row, compare
from finops.engine.observed.replay import replay, replayed_times
from finops.engine.points import Point
from finops.engine.profile import E2E, METRICS, TPOT, TTFT, Deviation, ProfileRecord
from finops.engine.run_profile import RunProfile
from finops.replay.calibration.errors import InvalidInput
from finops.replay.calibration.from_platform import Replayable

TITLES = {TTFT: "TTFT", TPOT: "TPOT", E2E: "end to end"}
PLANNED = (1024, 256)  # tokens of prompt and answer, where nothing is known of a user's own


@dataclass(frozen=True)
class Compared:
    """A point beside its prediction."""

    point: Point
    said: Prediction

    def pairs(self) -> dict[str, tuple[float, Interval]]:
        """Measured figure and prediction by metric, in seconds; without what wasn't measured."""
        ttft, tpot = self.point.ttft_s, self.point.tpot_s
        e2e = None
        if ttft is not None and tpot is not None:
            e2e = ttft + decode_steps(self.point) * tpot
        pairs = {
            TTFT: (ttft, self.said.ttft_s),
            TPOT: (tpot, self.said.tpot_s),
            E2E: (e2e, self.said.e2e_s),
        }
        return {name: (seen, said) for name, (seen, said) in pairs.items() if seen is not None}

    @property
    def worst(self) -> float:
        """The largest |log(measured ÷ predicted)| of the point."""
        return max(abs(math.log(seen / said.value)) for seen, said in self.pairs().values())


def fitted_lines(record: ProfileRecord, points: Rows[Point], rows: int) -> Iterator[str]:
    """A fit to points: what it is of, the points, errors, interval."""
    seen = record.seen
    yield (
        f"{title(record)}: {seen.points} points, {span(seen.clients)} clients, prompts of "
        f"{span(seen.prompt)} tokens, answers of {span(seen.output)}"
    )
    if record.held_back:
        yield f"The front end always keeps {record.held_back} of the clients waiting."
    compared = compare_points(record, points)
    yield from table(compared, rows)
    yield from error_lines("fitted to", record.errors)
    yield from error_lines("left out", record.held_out)
    yield f"{'':14} ({record.held_out_by})"
    yield from interval_lines(record)
    yield held_line("of the points fitted to, inside", compared)


def checked_lines(record: ProfileRecord, points: Rows[Point], rows: int) -> Iterator[str]:
    """A profile on new points of its deployment; raises InvalidInput if there are none."""
    own = [point for point in points if is_of(record, point)]
    if not own:
        raise InvalidInput(f"No points are of the profile's deployment: {title(record)}.")
    yield f"{title(record)}: a profile of {record.seen.points} points, made at {record.made_at}"
    if len(own) < len(points):
        yield f"left out: {len(points) - len(own)} points of other deployments"
    compared = compare_points(record, own)
    yield from table(compared, rows)
    off = residuals(own, Profile(record.constants, record.held_back))
    yield from error_lines("on these", deviations_of(off))
    yield held_line("of these, inside the 80 % interval", compared)
    yield from sorted({note for one in compared for note in one.said.notes})


def planned_lines(record: ProfileRecord) -> Iterator[str]:
    """What is expected of a deployment that nobody measured, and what to measure."""
    yield f"{title(record)}: nothing was measured"
    points = [record.point(clients, *PLANNED) for clients in SUGGESTED_CLIENTS]
    yield from table([Compared(point, predict(record, point)) for point in points], len(points))
    yield from interval_lines(record)
    yield what_to_measure()


def fitted_run_lines(fitted: RunProfile) -> Iterator[str]:
    """A fit to a run: the half it wasn't fitted to, errors, interval."""
    record = fitted.record
    yield (
        f"{title(record)}: {record.seen.points} requests, {span(record.seen.clients)} at a time, "
        f"prompts of {span(record.seen.prompt)} tokens, answers of {span(record.seen.output)}"
    )
    yield "The later half of the requests, as predicted from the earlier half:"
    yield from run_table(fitted.unseen)
    yield from error_lines("fitted to", record.errors)
    yield from error_lines("left out", record.held_out)
    yield f"{'':14} ({record.held_out_by})"
    yield from interval_lines(record)


def checked_run_lines(
    record: ProfileRecord, found: Replayable, deployment: Deployment
) -> Iterator[str]:
    """A profile on a run, replayed request by request; raises InvalidInput if it is of another."""
    if deployment != record.deployment:
        raise InvalidInput(f"The profile is of another deployment: {title(record)}.")
    yield f"{title(record)}: a profile of {record.seen.points} points, made at {record.made_at}"
    result = replay(found.run, found.policy, record.deployment, record.constants)
    times = replayed_times(found.run, result, record.constants)
    yield from run_table(compare(times, found.run.times, found.chosen))


def title(record: ProfileRecord) -> str:
    """What a profile is of."""
    at = record.deployment
    tp = ", ".join(map(str, record.seen.tp or (at.tp,)))
    parts = (at.model.name, at.gpu.name, at.backend, at.weights, f"KV {at.kv}", f"tp {tp}")
    return " · ".join(part for part in parts if part)


def span(ends: tuple[int, int]) -> str:
    return str(ends[0]) if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def is_of(record: ProfileRecord, point: Point) -> bool:
    """Whether a point was measured on the profile's deployment, on whatever number of GPUs."""
    at = record.deployment
    return replace(point.deployment, tp=at.tp, ep=at.ep) == at


def compare_points(record: ProfileRecord, points: Rows[Point]) -> list[Compared]:
    """Each point with what the profile says of it; points without a figure are left out."""
    return [
        Compared(point, predict(record, point))
        for point in points
        if not (point.ttft_s is None and point.tpot_s is None)
    ]


def table(compared: Rows[Compared], most: int) -> Iterator[str]:
    """Points by load or, where there are more than `most`, those farthest off."""
    pair = f"{'measured':>9} {'predicted':>9} {'80 % interval':>19}"
    yield f"{'':3} {'':7} {'':7} {'':7} | {'TTFT ms':39} | TPOT ms"
    yield f"{'tp':>3} {'clients':>7} {'prompt':>7} {'answer':>7} | {pair} | {pair}"
    shown = sorted(compared, key=lambda one: -one.worst if len(compared) > most else 0)[:most]
    if len(compared) <= most:
        shown.sort(key=lambda one: (one.point.deployment.tp, one.point.clients))
    for one in shown:
        point, pairs = one.point, one.pairs()
        yield (
            f"{point.deployment.tp:>3} {point.clients:>7} {point.prompt:>7} {point.output:>7} | "
            f"{cells(pairs.get(TTFT), one.said.ttft_s)} | {cells(pairs.get(TPOT), one.said.tpot_s)}"
        )
    if len(shown) < len(compared):
        yield f"    … and {len(compared) - len(shown)} points nearer to their prediction"


def cells(pair: tuple[float, Interval] | None, said: Interval) -> str:
    """Measured, predicted, interval in ms; ! marks what lies outside of it."""
    seen = "–" if pair is None else f"{pair[0] * 1e3:.1f}"
    mark = " " if pair is None or said.holds(pair[0]) else "!"
    ends = f"{said.low * 1e3:.1f} to {said.high * 1e3:.1f}"
    return f"{seen:>8}{mark} {said.value * 1e3:>9.1f} {ends:>19}"


def run_table(rows: Rows[Row]) -> Iterator[str]:
    """Mean and percentiles of a run, in milliseconds."""
    yield f"{'':16} {'measured ms':>12} {'predicted':>12} {'error':>8}"
    for row in rows:
        if row.metric in TITLES:
            yield (
                f"{TITLES[row.metric]:10} {row.statistic:5} {row.measured * 1e3:>12.1f} "
                f"{row.simulated * 1e3:>12.1f} {100 * row.error:>+7.1f} %"
            )


def error_lines(heading: str, errors: Mapping[str, Deviation]) -> Iterator[str]:
    """A line for each metric."""
    for metric in METRICS:
        if metric in errors:
            off = errors[metric]
            yield (
                f"{heading:14} {TITLES[metric]:10} {100 * off.median:6.1f} % median "
                f"{100 * off.mean:6.1f} % mean {100 * off.largest:7.1f} % largest of {off.points}"
            )


def interval_lines(record: ProfileRecord) -> Iterator[str]:
    """The spread by metric, and where it is from."""
    for metric in METRICS:
        spread = record.spread[metric]
        low, high = (100 * math.expm1(bound) for bound in (spread.low, spread.high))
        yield f"{'80 % interval':14} {TITLES[metric]:10} {low:+.0f} % to {high:+.0f} %"
    yield f"{'':14} from {record.spread_by}"


def held_line(heading: str, compared: Rows[Compared]) -> str:
    """How many measured figures lie in their intervals."""
    shares = []
    for metric in METRICS:
        found = [one.pairs()[metric] for one in compared if metric in one.pairs()]
        if found:
            held = sum(said.holds(seen) for seen, said in found)
            shares.append(f"{TITLES[metric]} {held} of {len(found)}")
    return f"{heading}: {', '.join(shares)}"

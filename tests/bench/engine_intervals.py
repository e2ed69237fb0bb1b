"""80 % intervals of the engine's predictions: how often they hold what was measured, how wide.

`python -m tests.bench.engine_intervals [--refit]` prints the table of `make bench` with the share
of each group; --refit first makes finops/engine/spreads.json anew from tests/engine/recorded.

How coverage is measured: *no points* and *few points* take the spread of the other groups (a group
is one model, GPU, engine and precision), and constants to start from of other pairs of model and
GPU; shares are means over groups. *Half of the points* is fitted on a random half of a group, whose
left-out residuals give the spread, and tested on the other half.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence as Rows
from dataclasses import asdict, astuple, replace
from functools import cache
from pathlib import Path

import numpy as np

from finops.engine.calibrate import Profile, calibrate, constants_of
from finops.engine.constants import Constants
from finops.engine.fit_profile import FEWEST_OF_UNKNOWN, cross_validate, fit_profile, residuals
from finops.engine.intervals import beyond, predict
from finops.engine.points import Point
from finops.engine.profile import METRICS
from finops.engine.read_points import Group
from finops.engine.result import Floats
from finops.engine.spreads import OTHER_GPUS, OTHER_LINKS, Spreads, observed_spread, pooled_bound
from tests.bench.__main__ import Figure
from tests.bench.engine import POINTS, PRIOR, read_groups, starts_without

FILE = Path(__file__).parents[2] / "finops" / "engine" / "spreads.json"
COUNTS = (0, 1, 2, 3, 8)
DRAWS = 2  # of few points from a group
MOST_CLIENTS = 256  # more take minutes to be simulated
FEW = 10  # points; smaller groups say too little of how far off a fit is
MANY = 40  # of which halves are fitted
KINDS = {"dense": False, "mixture": True}

Found = dict[Group, Floats]


@cache
def alone(group: Group) -> Floats:
    """Logarithms of the constants that fit one group."""
    return np.log(astuple(calibrate(group.points, PRIOR).constants))


def moderate(groups: Rows[Group]) -> list[Group]:
    """The groups without points of very many clients, and of those the ones that say enough."""
    found = []
    for group in groups:
        points = tuple(point for point in group.points if point.clients <= MOST_CLIENTS)
        if len(points) >= FEW:
            found.append(replace(group, points=points))
    return found


def start_for(group: Group, groups: Rows[Group]) -> Constants:
    """Constants that have seen nothing of this pair of model and GPU, for its kind of model.

    For a dense model those that tests.bench.engine fits to all others. For a mixture, of which a
    prediction without points is refused anyway, the middle of the others' own: that is quicker.
    """
    if not group.is_mixture:
        common, engines = starts_without(group.pair, False, list(groups))
        return engines.get(group.engine, common)
    others = [o for o in groups if o.is_mixture and o.pair != group.pair]
    return constants_of(np.median([alone(other) for other in others], axis=0))


def few(points: Rows[Point], count: int, rng: np.random.Generator) -> list[int]:
    """Places of `count` points, one drawn from each part of the range of load."""
    by_load = sorted(range(len(points)), key=lambda at: load_of(points[at]))
    return [int(rng.choice(part)) for part in np.array_split(by_load, count)]


def load_of(point: Point) -> tuple[int, int, int]:
    return point.clients, point.prompt, point.output


def residuals_of(group: Group, start: Constants, count: int, draws: int = DRAWS) -> Floats:
    """log(measured ÷ predicted) of points that a fit to `count` others didn't see."""
    points, rng = list(group.points), np.random.default_rng(5)
    if not count:
        return residuals(points, Profile(start))
    found = []
    for _ in range(draws):
        chosen = few(points, count, rng)
        rest = [point for at, point in enumerate(points) if at not in chosen]
        found.append(residuals(rest, calibrate([points[at] for at in chosen], start)))
    return np.concatenate(found)


def few_points(groups: Rows[Group]) -> dict[int, Found]:
    """Residuals by number of points and group."""
    starts = {group: start_for(group, groups) for group in groups}
    return {
        count: {
            group: residuals_of(group, starts[group], count)
            for group in groups
            if count >= FEWEST_OF_UNKNOWN or not group.is_mixture
        }
        for count in COUNTS
    }


def bounds_of(found: Rows[Floats]) -> dict[str, float]:
    """Half-widths by metric for a group that isn't among these."""
    columns = {metric: [part[:, at] for part in found] for at, metric in enumerate(METRICS)}
    return {
        metric: pooled_bound([part[~np.isnan(part)] for part in parts])
        for metric, parts in columns.items()
    }


def growth(groups: Rows[Group]) -> dict[str, float]:
    """By how much an interval has to widen, as a share, at e times the load that was measured.

    Each group is fitted to the lower half of its clients, then of its prompts, and tested on the
    upper; so that 80 % of the residuals fit into widened intervals, groups counting alike.
    """
    needed: dict[str, list[Floats]] = {metric: [] for metric in METRICS}
    for group in (group for group in groups if len(group.points) >= MANY):
        start = start_for(group, groups)
        for name in ("clients", "prompt"):
            values = [getattr(point, name) for point in group.points]
            middle = float(np.median(values))
            inside = [point for point in group.points if getattr(point, name) <= middle]
            outside = [point for point in group.points if getattr(point, name) > middle]
            if len(inside) < 10 or len(outside) < 5:
                continue
            unseen, _ = cross_validate(inside, start)
            record = fit_profile(inside, [], "", start)
            reach = np.array([beyond(record.seen, point)[0] for point in outside])
            off = residuals(outside, Profile(record.constants, record.held_back))
            for at, metric in enumerate(METRICS):
                spread = observed_spread(unseen[:, at])
                if spread is None:
                    continue
                width = max(-spread.low, spread.high)
                shares = (np.abs(off[:, at]) / width - 1) / reach
                needed[metric].append(shares[~np.isnan(shares)])
    return {metric: max(0.0, quantile_of(parts)) for metric, parts in needed.items()}


def quantile_of(parts: list[Floats]) -> float:
    """The 80 % quantile, every part counting alike."""
    values = np.concatenate(parts)
    weights = np.concatenate([np.full(len(part), 1.0 / len(part)) for part in parts])
    order = np.argsort(values)
    shares = np.cumsum(weights[order]) - weights[order] / 2
    return float(np.interp(0.8 * len(parts), shares, values[order]))


def refit(groups: Rows[Group], found: dict[int, Found]) -> Spreads:
    """What spreads.json holds, from the residuals by number of points."""
    tables = {
        kind: {
            str(count): rounded(
                bounds_of([off for group, off in by_group.items() if group.is_mixture is mixture])
            )
            for count, by_group in found.items()
            if count >= FEWEST_OF_UNKNOWN or not mixture
        }
        for kind, mixture in KINDS.items()
    }
    return Spreads(
        measured_on=f"{sum(len(group.points) for group in groups)} public points, "
        f"{len(groups)} groups of model, GPU, engine and precision",
        made_by="python -m tests.bench.engine_intervals --refit",
        groups={
            kind: sum(group.is_mixture is mixture for group in groups)
            for kind, mixture in KINDS.items()
        },
        dense=tables["dense"],
        mixture=tables["mixture"],
        beyond=rounded(growth(groups)),
        gpus=tuple(sorted({group.gpu for group in groups if not group.is_mixture})),
        other_gpus=OTHER_GPUS,
        other_links=OTHER_LINKS,
    )


def rounded(bounds: dict[str, float]) -> dict[str, float]:
    return {metric: round(bound, 4) for metric, bound in bounds.items()}


def covered_by_others(found: Found, mixture: bool, metric: int) -> dict[Group, tuple[float, float]]:
    """By group: share of residuals inside the bound of the other groups, and that bound."""
    columns = {
        group: off[:, metric][~np.isnan(off[:, metric])]
        for group, off in found.items()
        if group.is_mixture is mixture
    }
    shares = {}
    for group, column in columns.items():
        bound = pooled_bound([other for name, other in columns.items() if name != group])
        shares[group] = (float((np.abs(column) <= bound).mean()), bound)
    return shares


def covered_by_half(group: Group, start: Constants) -> list[list[tuple[bool, float]]]:
    """By metric: whether each point of the other half was held, and the half-width (log)."""
    points = list(group.points)
    order = np.random.default_rng(1).permutation(len(points))
    half = len(points) // 2
    record = fit_profile([points[at] for at in order[:half]], [], "", start)
    found: list[list[tuple[bool, float]]] = [[], [], []]
    for point in (points[at] for at in order[half:]):
        said = predict(record, point)
        e2e = None
        if point.ttft_s is not None and point.tpot_s is not None:
            e2e = point.ttft_s + (point.output * (1 - point.spread / 2) - 1) * point.tpot_s
        pairs = ((said.ttft_s, point.ttft_s), (said.tpot_s, point.tpot_s), (said.e2e_s, e2e))
        for column, (interval, measured) in zip(found, pairs, strict=True):
            if measured is not None:
                width = math.log(interval.high / interval.low) / 2
                column.append((interval.holds(measured), width))
    return found


def coverage(
    groups: Rows[Group], few_by_count: dict[int, Found]
) -> list[tuple[str, str, str, dict[Group, tuple[float, float]]]]:
    """(way, kind, metric) and by group: the share that was held, and the half-width (log)."""
    rows = []
    halves = {
        group: covered_by_half(group, start_for(group, groups))
        for group in groups
        if len(group.points) >= MANY
    }
    ways = {"no points": 0, "three points": 3, "eight points": 8}
    for kind, mixture in KINDS.items():
        for at, metric in enumerate(METRICS):
            for way, count in ways.items():
                if count or not mixture:
                    shares = covered_by_others(few_by_count[count], mixture, at)
                    rows.append((way, kind, metric, shares))
            shares = {
                group: (float(held.mean()), float(np.median(width)))
                for group, found in halves.items()
                if group.is_mixture is mixture
                for held, width in [np.array(found[at], np.float64).T]
            }
            rows.append(("half of the points", kind, metric, shares))
    return rows


def measure(workdir: Path, points: Path = POINTS) -> list[Figure]:
    """The figures of `make bench`."""
    figures: list[Figure] = []
    groups = moderate(read_groups(points))
    for way, kind, metric, shares in coverage(groups, few_points(groups)):
        held, width = np.mean(list(shares.values()), axis=0)
        name = f"{metric.upper()} in its 80 % interval, {kind}, {way}"
        figures.append((name, 100 * float(held), "%", "70 to 92"))
        figures.append((f"{name}: ± in the mean", 100 * math.expm1(width), "%", ""))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--points", type=Path, default=POINTS)
    parser.add_argument("--refit", action="store_true", help=f"write {FILE.name} anew first")
    options = parser.parse_args()
    groups = moderate(read_groups(options.points))
    found = few_points(groups)
    if options.refit:
        FILE.write_text(json.dumps(asdict(refit(groups, found)), indent=1) + "\n", "utf-8")
    for way, kind, metric, shares in coverage(groups, found):
        held, width = np.mean(list(shares.values()), axis=0)
        by_group = ", ".join(
            f"{group.model} {group.engine} {100 * share:.0f}"
            for group, (share, _) in shares.items()
        )
        print(
            f"{kind:8} {way:19} {metric:5} {100 * held:5.1f} % held, "
            f"± {100 * math.expm1(width):5.1f} %   ({by_group})"
        )


if __name__ == "__main__":
    main()

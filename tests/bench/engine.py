"""The batching engine: how far its step times are from measured serving.

`python -m tests.bench.engine [--points CSV]` prints the errors by group too.

How the errors are split: a group is one model, GPU, engine and precision. *Calibrated* is fitted on
a random half of a group and tested on the other. *Zero-shot* is fitted on all other pairs of model
and GPU (dense models by dense models) and tested on the whole group: with the constants of its
engine if points of that are among them, else with what all engines have in common. *Three points*
starts from the zero-shot constants, gets the points of fewest, middle and most clients, and is
tested on the rest.
"""

from __future__ import annotations

import argparse
import gzip
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

from finops.engine.calibrate import Profile, calibrate, deviations, held_back
from finops.engine.catalogue import load
from finops.engine.constants import Constants
from finops.engine.fit_engines import fit_engines
from finops.engine.points import Point
from finops.engine.read_points import Group, read_points
from finops.engine.result import Floats
from tests.bench.__main__ import Figure

ROOT = Path(__file__).parents[2]
POINTS = ROOT / "tests" / "engine" / "recorded" / "serving_points.csv.gz"
# Where every fit starts: round figures that no measured point has moved.
PRIOR = Constants(
    memory=0.85,
    compute=0.8,
    kv=0.8,
    link=0.3,
    step_us=300,
    layer_us=30,
    row_us=15,
    allreduce_us=8,
    request_us=20_000,
    door_us=5_000,
    token_us=40,
)


def errors_of(groups: list[Group]) -> dict[str, dict[Group, Floats]]:
    """Held-out errors by way of fitting and group: TTFT and TPOT of each point."""
    found: dict[str, dict[Group, Floats]] = {"calibrated": {}, "zero-shot": {}, "three points": {}}
    starts = {
        (pair, kind): starts_without(pair, kind, groups)
        for pair, kind in {(group.pair, group.is_mixture) for group in groups}
    }
    for group in groups:
        points = list(group.points)
        common, engines = starts[group.pair, group.is_mixture]
        start = engines.get(group.engine, common)
        found["zero-shot"][group] = deviations(points, Profile(start))
        if len(points) < 10:
            continue
        order = np.random.default_rng(1).permutation(len(points))
        half = len(points) // 2
        fitted = calibrate([points[at] for at in order[:half]], start)
        found["calibrated"][group] = deviations([points[at] for at in order[half:]], fitted)
        by_load = sorted(points, key=lambda point: (point.clients, point.prompt, point.output))
        three = [by_load[0], by_load[len(by_load) // 2], by_load[-1]]
        rest = [point for point in points if point not in three]
        found["three points"][group] = deviations(rest, calibrate(three, start))
    return found


Starts = tuple[Constants, Mapping[str, Constants]]


def starts_without(pair: tuple[str, str], mixture: bool, groups: list[Group]) -> Starts:
    """Constants fitted to all pairs of model and GPU but one: in common, and by engine."""
    others = [group for group in groups if group.pair != pair and group.is_mixture is mixture]
    return fit_groups(others)


def fit_groups(groups: list[Group]) -> Starts:
    """Constants for all groups: in common, and of each engine.

    Whether one keeps a client waiting is each group's own.
    """
    points: dict[str, list[Point]] = {}
    for group in groups:
        points.setdefault(group.engine, []).extend(settled(group))
    return fit_engines(points, PRIOR)


@cache
def settled(group: Group) -> list[Point]:
    """A group's points, with as many clients kept waiting as fits them best."""
    return held_back(group.points, calibrate(group.points, PRIOR).held_back)


def read_groups(path: Path) -> list[Group]:
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    return read_points(text.splitlines(), load())[0]


def pooled(found: dict[Group, Floats], mixture: bool | None = None, engine: str = "") -> Floats:
    """Errors of all groups; of one kind of model, or of one engine, if that is named."""
    chosen = [
        off
        for group, off in found.items()
        if mixture in (None, group.is_mixture) and engine in ("", group.engine)
    ]
    return np.concatenate([np.empty((0, 2)), *chosen])


# Bars of the median TPOT, its mean and the median TTFT in percent, of dense models.
BARS = {
    "calibrated": ("≤ 5", "≤ 8", "≤ 12"),
    "zero-shot": ("", "≤ 10", ""),
    "three points": ("≤ 6", "", "≤ 20"),
}
KINDS = {"dense": False, "mixtures": True}


def measure(workdir: Path, points: Path = POINTS) -> list[Figure]:
    """The figures of `make bench`."""
    return accuracy(errors_of(read_groups(points)))


def accuracy(ways: dict[str, dict[Group, Floats]]) -> list[Figure]:
    """Errors by way of fitting and kind of model; TTFT by engine, and by kind and engine."""
    figures: list[Figure] = []
    for way, found in ways.items():
        for kind, mixture in KINDS.items():
            ttft, tpot = pooled(found, mixture).T * 100
            limits = ("", "", "") if mixture else BARS[way]
            figures += [
                (f"TPOT error {way}, {kind}, median", float(np.nanmedian(tpot)), "%", limits[0]),
                (f"TPOT error {way}, {kind}, mean", float(np.nanmean(tpot)), "%", limits[1]),
                (f"TTFT error {way}, {kind}, median", float(np.nanmedian(ttft)), "%", limits[2]),
            ]
        for engine in sorted({group.engine for group in found}):
            figures.append(of_engine(way, found, engine, None, BARS[way][2]))
            figures += [of_engine(way, found, engine, kind, "") for kind in KINDS]
    return [figure for figure in figures if not np.isnan(figure[1])]


def of_engine(
    way: str, found: dict[Group, Floats], engine: str, kind: str | None, bar: str
) -> Figure:
    """The median error of an engine's TTFT, of all models or of one kind; NaN if it ran none."""
    off = pooled(found, None if kind is None else KINDS[kind], engine)[:, 0]
    name = f"TTFT error {way}, {engine}" + (f", {kind}" if kind else "") + ", median"
    return name, float(np.nanmedian(off) * 100) if len(off) else float("nan"), "%", bar


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--points", type=Path, default=POINTS)
    chosen = parser.parse_args().points
    ways = errors_of(read_groups(chosen))
    for way, found in ways.items():
        for group, errors in found.items():
            ttft, tpot = errors.T * 100
            print(
                f"{way:13} {group.model:16} {group.gpu:9} {group.engine:7} {group.precision:10}"
                f" {len(errors):4} points  TPOT {np.nanmean(tpot):6.1f} % mean"
                f" {np.nanmedian(tpot):5.1f} % median  TTFT {np.nanmedian(ttft):5.1f} % median"
            )
    for name, value, unit, bar in accuracy(ways):
        print(f"{name:48} {value:12,.1f} {unit:15} {bar}")


if __name__ == "__main__":
    main()

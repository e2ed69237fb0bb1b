"""The batching engine: how fast it simulates, and how far its step times are from measured serving.

`python -m tests.bench.engine [--points CSV]` prints the errors by group too.

How the errors are split: a group is one model, GPU, engine and precision. *Calibrated* is fitted on
a random half of a group and tested on the other. *Zero-shot* is fitted on all other pairs of model
and GPU (dense models by dense models) and tested on the whole group. *Three points* starts from the
zero-shot constants, gets the points of fewest, middle and most clients, and is tested on the rest.
"""

from __future__ import annotations

import argparse
import gzip
import time
from pathlib import Path

import numpy as np

from finops.engine.calibrate import Profile, calibrate, deviations, fit, held_back
from finops.engine.catalogue import load
from finops.engine.policy import Policy
from finops.engine.read_points import Group, read_points
from finops.engine.result import Floats
from finops.engine.simulate import simulate
from finops.engine.step_time import Constants, Deployment, SimulatedExecutor
from finops.engine.workload import Workload
from tests.bench.__main__ import Figure

ROOT = Path(__file__).parents[2]
POINTS = ROOT / "tests" / "engine" / "recorded" / "serving_points.csv.gz"
LENGTHS = ROOT / "finops" / "demo" / "traces" / "azure2023_conversation.csv.gz"
# Where every fit starts: round figures that no measured point has moved.
PRIOR = Constants(
    memory=0.8,
    compute=0.55,
    kv=0.8,
    link=0.3,
    step_us=300,
    layer_us=30,
    row_us=15,
    allreduce_us=8,
    request_us=20_000,
)


def azure_workload(size: int, per_second: float) -> Workload:
    """Poisson arrivals; lengths drawn from the Azure conversation trace of 2023."""
    with gzip.open(LENGTHS, "rt") as file:
        lengths = np.loadtxt(file, np.int64, delimiter=",", skiprows=1, usecols=(1, 2))
    rng = np.random.default_rng(0)
    chosen = np.maximum(1, lengths[rng.integers(0, len(lengths), size)])
    arrivals = np.cumsum(rng.exponential(1e12 / per_second, size)).astype(np.int64)
    return Workload.of_columns(arrivals, chosen[:, 0].copy(), chosen[:, 1].copy())


def speed(size: int, fast: bool) -> float:
    """Requests simulated per CPU second, percentiles included; Llama 3.1 8B on one H100."""
    catalogue = load()
    at = Deployment(catalogue.model("llama-3.1-8b"), catalogue.gpu("h100"))
    policy = Policy(at.kv_blocks(), max_seqs=256, max_tokens=8192)
    workload, executor = azure_workload(size, 12.0), SimulatedExecutor(at)
    start = time.process_time()
    result = simulate(workload, policy, executor, fast=fast)
    result.summary()
    return size / (time.process_time() - start)


def errors_of(groups: list[Group]) -> dict[str, dict[Group, Floats]]:
    """Held-out errors by way of fitting and group."""
    found: dict[str, dict[Group, Floats]] = {"calibrated": {}, "zero-shot": {}, "three points": {}}
    for group in groups:
        points = list(group.points)
        others = [
            other
            for other in groups
            if other.pair != group.pair and other.is_mixture == group.is_mixture
        ]
        start = Profile(fit_together(others) if others else PRIOR)
        found["zero-shot"][group] = deviations(points, start)
        if len(points) < 10:
            continue
        order = np.random.default_rng(1).permutation(len(points))
        half = len(points) // 2
        fitted = calibrate([points[at] for at in order[:half]], PRIOR)
        found["calibrated"][group] = deviations([points[at] for at in order[half:]], fitted)
        by_load = sorted(points, key=lambda point: (point.clients, point.prompt, point.output))
        three = [by_load[0], by_load[len(by_load) // 2], by_load[-1]]
        rest = [point for point in points if point not in three]
        found["three points"][group] = deviations(rest, calibrate(three, start.constants))
    return found


def fit_together(groups: list[Group]) -> Constants:
    """Constants for all groups; whether one keeps a client waiting is each group's own."""
    points = [
        point
        for group in groups
        for point in held_back(group.points, calibrate(group.points, PRIOR).held_back)
    ]
    return fit(points, PRIOR)[0]


def read_groups(path: Path) -> list[Group]:
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    return read_points(text.splitlines(), load())[0]


def pooled(found: dict[Group, Floats], mixture: bool) -> Floats:
    return np.concatenate([off for group, off in found.items() if group.is_mixture is mixture])


def measure(workdir: Path, points: Path = POINTS) -> list[Figure]:
    """The figures of `make bench`."""
    figures: list[Figure] = [
        ("simulated requests, Azure lengths", speed(50_000, True), "requests/CPU-s", "≥ 100,000"),
        ("the same, step by step", speed(3_000, False), "requests/CPU-s", ""),
    ]
    bars = {"calibrated": "≤ 5 / 8 / 12", "zero-shot": "– / 10 / –", "three points": "≤ 6 / – / 20"}
    for way, found in errors_of(read_groups(points)).items():
        for mixture in (False, True):
            ttft, tpot = pooled(found, mixture).T * 100
            name = f"{way}, {'mixtures' if mixture else 'dense'}"
            bar = bars[way].replace("≤ ", "").split(" / ")
            limits = ["" if mixture or text == "–" else f"≤ {text}" for text in bar]
            figures += [
                (f"TPOT error {name}, median", float(np.nanmedian(tpot)), "%", limits[0]),
                (f"TPOT error {name}, mean", float(np.nanmean(tpot)), "%", limits[1]),
                (f"TTFT error {name}, median", float(np.nanmedian(ttft)), "%", limits[2]),
            ]
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--points", type=Path, default=POINTS)
    chosen = parser.parse_args().points
    for way, found in errors_of(read_groups(chosen)).items():
        for group, errors in found.items():
            ttft, tpot = errors.T * 100
            print(
                f"{way:13} {group.model:16} {group.gpu:9} {group.engine:7} {group.precision:10}"
                f" {len(errors):4} points  TPOT {np.nanmean(tpot):6.1f} % mean"
                f" {np.nanmedian(tpot):5.1f} % median  TTFT {np.nanmedian(ttft):5.1f} % median"
            )
    for name, value, unit, bar in measure(Path(), chosen):
        print(f"{name:48} {value:12,.1f} {unit:15} {bar}")


if __name__ == "__main__":
    main()

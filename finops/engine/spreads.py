"""How far predictions were from what was measured, before anything of a deployment was.

spreads.json holds it by kind of model and number of points, as found on deployments that the fits
hadn't seen; `python -m tests.bench.engine_intervals --refit` makes the file anew.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from collections.abc import Sequence as Rows
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from finops.engine.constants import FITTED, kind_of
from finops.engine.decode import decode
from finops.engine.deployment import Deployment
from finops.engine.profile import METRICS, Spread
from finops.engine.result import Floats

SHARE = 0.8  # of what is measured, an interval is to hold so much
# Fewest residuals of which the tenth from either end is an observed one: ⌈0.9 × (n + 1)⌉ ≤ n.
ENOUGH = 9

Bounds = Mapping[str, float]


@dataclass(frozen=True)
class Spreads:
    """Half-widths of 80 % intervals of log(measured ÷ predicted), by metric.

    `dense` and `mixture` are by number of points (as text: it is JSON). `beyond` is by how much a
    half-width grows, as a share of it, when the load is e times beyond what was measured. `gpus`
    are those that it was measured on; `other_gpus` is the least for any other GPU without points,
    `other_links` that for several GPUs over anything but NVLink.
    """

    measured_on: str
    made_by: str
    groups: Mapping[str, int]
    dense: Mapping[str, Bounds]
    mixture: Mapping[str, Bounds]
    beyond: Bounds
    gpus: tuple[str, ...]
    other_gpus: Bounds
    other_links: Bounds


# Constants of one GPU carried over to another of a different make, by single runs of vLLM on an
# RTX 4090 and RTX PRO 6000 (LLMServingSim's, MIT): times from end to end were from 31 % too short
# to 34 % too long. That is a range of few, not a quantile; and of TTFT nothing is known.
OTHER_GPUS = {"ttft": 0.29, "tpot": 0.29, "e2e": 0.29}
# The same runs: on two GPUs over PCIe, predicted with NVLink's constants, 38 % too short, and
# −log(1 − 0.38) = 0.48. Sums over other links are longer by now (catalogue/links.yaml); by how much
# that helps is known of no run, so this stays the least.
OTHER_LINKS = {"ttft": 0.48, "tpot": 0.48, "e2e": 0.48}


@cache
def spreads() -> Spreads:
    """The file that comes with the engine."""
    content = json.loads(Path(__file__).with_name("spreads.json").read_text("utf-8"))
    return decode(Spreads, content)


def expected_spread(points: int, deployment: Deployment) -> dict[str, Spread]:
    """What to expect of a deployment with so many points: as for the next lower number measured.

    A mixture has no entry for less than three; the caller has refused it by then.
    """
    found = spreads()
    known = found.mixture if deployment.model.experts else found.dense
    bounds = known[str(max(int(number) for number in known if int(number) <= points))]
    if not points and deployment.gpu.name not in found.gpus:
        bounds = {metric: max(bounds[metric], found.other_gpus[metric]) for metric in METRICS}
    if not points and over_another_link(deployment):
        bounds = {metric: max(bounds[metric], found.other_links[metric]) for metric in METRICS}
    return {metric: Spread(-bounds[metric], bounds[metric]) for metric in METRICS}


def expected_by(points: int, deployment: Deployment) -> str:
    """Where an expected spread is from."""
    found = spreads()
    text = f"the errors of fits to {points} points" if points else "errors without any points"
    text += f" on other deployments: {found.measured_on}"
    if not points and deployment.gpu.name not in found.gpus:
        text += f"; widened, since the GPU is none of {', '.join(found.gpus)}"
    if not points and over_another_link(deployment):
        text += f"; widened, since no serving was measured over {deployment.gpu.link}"
    return text


def over_another_link(deployment: Deployment) -> bool:
    """Whether its GPUs sum up over a link that no recorded point ran on."""
    return deployment.gpus > 1 and kind_of(deployment.gpu.link) != FITTED


def pooled_bound(groups: Rows[Floats]) -> float:
    """The half-width that holds 80 % of the residuals of a group that isn't among these.

    The quantile of their sizes, with every group counting alike, times √(1 + 1 ÷ groups), as for a
    new draw from a distribution whose spread is known from so few.
    """
    sizes = np.concatenate([np.abs(group) for group in groups])
    weights = np.concatenate([np.full(len(group), 1.0 / len(group)) for group in groups])
    order = np.argsort(sizes)
    shares = np.cumsum(weights[order]) - weights[order] / 2
    quantile = float(np.interp(SHARE * len(groups), shares, sizes[order]))
    return quantile * math.sqrt(1 + 1 / len(groups))


def observed_spread(residuals: Floats) -> Spread | None:
    """Bounds from residuals of points that the fits didn't see; None for fewer than ENOUGH.

    The quantiles of split-conformal prediction: of n + 1 residuals that could come in any order,
    the last lies with 80 % between the ⌊0.1 (n + 1)⌋-th and the ⌈0.9 (n + 1)⌉-th of the others.
    """
    ranked = np.sort(residuals[~np.isnan(residuals)])
    n = len(ranked)
    if n < ENOUGH:
        return None
    tail = (1 - SHARE) / 2
    below, above = math.floor(tail * (n + 1) + 1e-9), math.ceil((1 - tail) * (n + 1) - 1e-9)
    return Spread(float(ranked[max(below, 1) - 1]), float(ranked[min(above, n) - 1]))

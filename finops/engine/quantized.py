"""How much faster a quantized matrix product is than bf16, as measured, by its number of rows.

Bytes alone would promise four times for int4; measured it is 2.3 at one row and below 1 at a
thousand, because the weights have to be unpacked.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from collections.abc import Sequence as Rows
from dataclasses import dataclass
from functools import cache
from statistics import median

import numpy as np
from numpy.typing import ArrayLike

from finops.engine.catalogue import HERE
from finops.engine.deployment import Deployment
from finops.engine.errors import UnknownEntry
from finops.engine.precisions import KERNELS, activations_of, bytes_per_parameter
from finops.engine.result import Floats

# vLLM's block-scaled fp8 was measured up to ten times slower than bf16: doubtful, so only told
# where it is asked for by name, and never used for a step.
DOUBTFUL = {("vllm", "fp8_block")}

# A product's time is a launch and what grows with its size. The measured shapes are spread over 4k
# to 16k by 4k to 16k: if evenly on a logarithmic scale, one at the 90th percentile takes 2.15 times
# as long as the median one, and p90 of the speed-up is that of large products.
LARGE = 2.15
# From so many rows on, a product is bound by arithmetic rather than by reading weights.
ARITHMETIC = 256.0


@dataclass(frozen=True)
class Curve:
    """Measured speed-ups by rows: medians, and how much of a product's time is its launch.

    `launch` is in units of the median bf16 product's time at few rows:
    1 ÷ speed-up = launch + 1 ÷ speed-up of large products.
    """

    rows: tuple[float, ...]
    speedups: tuple[float, ...]
    launch: float


@cache
def curves() -> Mapping[tuple[str, str], Mapping[str, Curve]]:
    """(GPU, kernel): backend and version: curve."""
    found: dict[tuple[str, str], dict[str, list[tuple[float, float, float]]]] = {}
    lines = (HERE / "quantized_matmul.csv").read_text().splitlines()
    for row in csv.DictReader(line for line in lines if not line.startswith("#")):
        backends = found.setdefault((row["gpu"], row["quant"]), {})
        points = backends.setdefault(f"{row['backend']} {row['version']}", [])
        points.append((float(row["m"]), float(row["speedup"]), float(row["p90"])))
    return {
        key: {name: curve_of(points) for name, points in backends.items()}
        for key, backends in found.items()
    }


def curve_of(points: Rows[tuple[float, float, float]]) -> Curve:
    """A curve from rows, median and p90 of the speed-up."""
    rows, medians, _ = zip(*points, strict=True)
    gaps = [1 / middle - 1 / large for at, middle, large in points if at <= 16]
    return Curve(rows, medians, median(gaps) / (1 - 1 / LARGE))


def speedup(
    gpu_curves: str | None,
    precision: str,
    rows: ArrayLike,
    backend: str = "",
    activations: str = "",
) -> Floats:
    """Speed-up over bf16 of one product of `rows` rows, interpolated over their logarithm.

    `backend` starts the name of an engine and version, such as "vllm"; without a curve of it, the
    median of the others counts. Raises UnknownEntry for a GPU and precision without any curve.
    """
    rows = np.asarray(rows, np.float64)
    if is_plain(precision, activations):
        return np.ones_like(rows)
    chosen = curves_for(gpu_curves, precision, activations, backend)
    if not chosen:
        raise UnknownEntry(
            f"No measured {precision} products for this GPU: calibrate it, or choose bf16."
        )
    return between(chosen, rows)


def between(chosen: Rows[Curve], rows: Floats) -> Floats:
    """The median of the curves."""
    marks = chosen[0].rows
    values = [median(curve.speedups[at] for curve in chosen) for at in range(len(marks))]
    return np.asarray(np.interp(np.log(np.maximum(rows, 1.0)), np.log(marks), values))


def product_speedup(at: Deployment, weights: str, rows: Floats) -> Floats:
    """Speed-up over bf16 of what grows with the size of a product, at most that of the bytes.

    A serving engine records launches once (CUDA graphs) and overlaps them; what is left of them
    counts by layer. Where no curve was measured: as where one was, see `unmeasured`.
    """
    if is_plain(weights, at.activations_of(weights)):
        return np.ones_like(rows)
    chosen = curves_for(at.gpu.curves, weights, at.activations_of(weights), engine(at.backend))
    if not chosen:
        return unmeasured(at, weights, rows)
    launch = median(curve.launch for curve in chosen) / np.maximum(1.0, rows / ARITHMETIC)
    least = bytes_per_parameter(weights) / 2.0
    return np.asarray(1.0 / np.maximum(1.0 / between(chosen, rows) - launch, least))


def unmeasured(at: Deployment, weights: str, rows: Floats) -> Floats:
    """The speed-up of large products where nobody measured it.

    Of 15 curves of eight bits on A100, H100 and B200, 12 reach the speed-up of the bytes at few
    rows; at 8,192 rows fp8 gets about 0.8 of the data sheet's FLOPs, and weights that must be
    unpacked are multiplied at most as fast as bf16 (A100 0.98 to 1.01, H100 0.69). Between, where
    arithmetic begins to bind, the speed-up falls off with the logarithm of the rows.
    """
    few = 2.0 / bytes_per_parameter(weights)
    activations = at.activations_of(weights)
    many = 0.95
    if activations != "bf16" and at.gpu.tflops(activations):
        many = max(1.0, 0.8 * at.gpu.tflops(activations) / at.gpu.bf16_tflops)
    marks = np.log([ARITHMETIC / 8, ARITHMETIC])
    return np.asarray(np.interp(np.log(np.maximum(rows, 1.0)), marks, [few, many]))


def is_known(at: Deployment) -> bool:
    """Whether the speed-up was measured on that GPU, or is of a kind that is alike everywhere.

    That are weights of 8 bits times activations of 8 bits, on a GPU that does it natively.
    """
    activations = at.activations_of(at.weights)
    if is_plain(at.weights, activations):
        return True
    if curves_for(at.gpu.curves, at.weights, activations, engine(at.backend)):
        return True
    native = activations in ("fp8", "int8") and at.gpu.tflops(activations) > 0
    return native and bytes_per_parameter(at.weights) == 1.0


def is_plain(weights: str, activations: str) -> bool:
    """Whether nothing is quantized."""
    bytes_per_parameter(weights)
    return weights == "bf16" and activations_of(weights, activations) == "bf16"


def curves_for(
    gpu_curves: str | None, precision: str, activations: str, backend: str
) -> list[Curve]:
    """The curves of the backend, or else of all that aren't doubtful; none if none was measured."""
    kernel = KERNELS.get((precision, activations_of(precision, activations)), "")
    found = curves().get((gpu_curves or "", kernel), {})
    sure = {name: curve for name, curve in found.items() if (engine(name), kernel) not in DOUBTFUL}
    exact = [curve for name, curve in found.items() if backend and name == backend]
    alike = [curve for name, curve in sure.items() if engine(name) == engine(backend)]
    return exact or alike or list(sure.values())


def engine(backend: str) -> str:
    """The name of an engine without its version."""
    return backend.split(" ", 1)[0]

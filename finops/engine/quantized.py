"""How much faster a quantized matrix product is than bf16, as measured, by its number of rows.

Bytes alone would promise four times for int4; measured it is 2.3 at one row and below 1 at a
thousand, because the weights have to be unpacked.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from statistics import median

import numpy as np
from numpy.typing import ArrayLike

from finops.engine.catalogue import HERE
from finops.engine.errors import UnknownEntry
from finops.engine.result import Floats

# Precision of the weights: the kernels that stand for it, and bytes a parameter with its scales.
KERNELS: Mapping[str, tuple[str, float]] = {
    "bf16": ("", 2.0),
    "fp8": ("fp8", 1.0),
    "fp8_block": ("fp8_block", 1.0),
    "int8": ("int8_wo", 1.0),
    "w8a8": ("sq", 1.0),
    "int4": ("int4_wo", 0.53),
    "nvfp4": ("nvfp4", 0.5625),
}
# vLLM's block-scaled fp8 was measured up to ten times slower than bf16: doubtful, so only used
# where it is asked for by name.
DOUBTFUL = {("vllm", "fp8_block")}


@cache
def curves() -> Mapping[tuple[str, str], Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]]]:
    """(GPU, kernel): backend and version: rows and speed-ups."""
    found: dict[tuple[str, str], dict[str, dict[float, float]]] = {}
    lines = (HERE / "quantized_matmul.csv").read_text().splitlines()
    for row in csv.DictReader(line for line in lines if not line.startswith("#")):
        backends = found.setdefault((row["gpu"], row["quant"]), {})
        points = backends.setdefault(f"{row['backend']} {row['version']}", {})
        points[float(row["m"])] = float(row["speedup"])
    return {
        key: {name: (tuple(points), tuple(points.values())) for name, points in backends.items()}
        for key, backends in found.items()
    }


def bytes_per_parameter(precision: str) -> float:
    """Bytes of a stored weight, scales included; raises UnknownEntry."""
    if precision not in KERNELS:
        raise UnknownEntry(f"Precision {precision} is not one of {', '.join(KERNELS)}.")
    return KERNELS[precision][1]


def speedup(gpu_curves: str | None, precision: str, rows: ArrayLike, backend: str = "") -> Floats:
    """Speed-up over bf16 for products of `rows` rows, interpolated over the logarithm of the rows.

    `backend` starts the name of an engine and version, such as "vllm"; without a curve of it, the
    median of the others counts. Raises UnknownEntry for a GPU and precision without any curve.
    """
    bytes_per_parameter(precision)
    rows = np.asarray(rows, np.float64)
    if precision == "bf16":
        return np.ones_like(rows)
    kernel = KERNELS[precision][0]
    found = curves().get((gpu_curves or "", kernel))
    if found is None:
        raise UnknownEntry(
            f"No measured {precision} products for this GPU: calibrate it, or choose bf16."
        )
    chosen = [points for name, points in found.items() if backend and name.startswith(backend)]
    if not chosen:
        chosen = [
            points for name, points in found.items() if (name.split()[0], kernel) not in DOUBTFUL
        ]
    marks = chosen[0][0]
    values = [median(points[1][at] for points in chosen) for at in range(len(marks))]
    return np.asarray(np.interp(np.log(np.maximum(rows, 1.0)), np.log(marks), values))

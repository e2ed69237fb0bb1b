"""The traffic that the engine's speed is measured on: conversations of Azure, 2023."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from finops.engine.workload import Workload

ROOT = Path(__file__).parents[2]
LENGTHS = ROOT / "finops" / "demo" / "traces" / "azure2023_conversation.csv.gz"


def azure_workload(size: int, per_second: float) -> Workload:
    """Poisson arrivals; lengths drawn from the Azure conversation trace of 2023."""
    with gzip.open(LENGTHS, "rt") as file:
        lengths = np.loadtxt(file, np.int64, delimiter=",", skiprows=1, usecols=(1, 2))
    rng = np.random.default_rng(0)
    chosen = np.maximum(1, lengths[rng.integers(0, len(lengths), size)])
    arrivals = np.cumsum(rng.exponential(1e12 / per_second, size)).astype(np.int64)
    return Workload.of_columns(arrivals, chosen[:, 0].copy(), chosen[:, 1].copy())

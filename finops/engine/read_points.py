"""Measured points from a CSV file.

Columns: gpu, model, precision (empty: bf16), engine (name and version), tp, batch_or_concurrency,
isl, osl, ttft_ms, tpot_ms (either may be empty), and, where there are, pp, attn_dp, ep, kind,
spread (lengths are drawn from [1 − spread, 1] of the nominal), kv and activations (precisions),
budget (tokens of a step) and wait_steps (see Point).
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from finops.engine.catalogue import Catalogue
from finops.engine.deployment import Deployment
from finops.engine.errors import EngineError
from finops.engine.points import Point
from finops.engine.shapes import Model

PRECISIONS = {"": "bf16", "nan": "bf16", "fp16": "bf16", "float16": "bf16", "fp4": "nvfp4"}


@dataclass(frozen=True)
class Group:
    """Points that one fit may describe."""

    model: str
    gpu: str
    engine: str
    precision: str
    points: tuple[Point, ...]

    @property
    def pair(self) -> tuple[str, str]:
        """Model and GPU."""
        return self.model, self.gpu

    @property
    def is_mixture(self) -> bool:
        """Whether the model has experts."""
        return self.points[0].deployment.model.experts > 0


def read_points(
    lines: Iterable[str], catalogue: Catalogue
) -> tuple[list[Group], Mapping[str, int]]:
    """Groups of closed-loop points, and how many rows were left out for which reason."""
    groups: dict[tuple[str, str, str, str], list[Point]] = {}
    left_out: Counter[str] = Counter()
    for row in csv.DictReader(lines):
        try:
            point = point_of(row, catalogue)
        except (EngineError, ValueError) as error:
            left_out[str(error)] += 1
            continue
        at = point.deployment
        key = (at.model.name, at.gpu.name, at.backend, at.weights)
        groups.setdefault(key, []).append(point)
    return [Group(*key, tuple(points)) for key, points in groups.items()], left_out


def point_of(row: Mapping[str, str], catalogue: Catalogue) -> Point:
    """A row as a point; raises EngineError or ValueError for one that can't be used."""
    if not row.get("kind", "closed-loop").startswith("closed-loop"):
        raise ValueError("not a closed loop of clients")
    if float(row.get("attn_dp") or 1) > 1:
        raise ValueError("attention is data-parallel")
    clients, prompt, output = (number(row, name) for name in ("batch_or_concurrency", "isl", "osl"))
    if clients is None or prompt is None or output is None or output < 2:
        raise ValueError("clients or lengths are missing")
    at = deployment_of(row, catalogue)
    if not at.kv_blocks():
        raise ValueError("the model doesn't fit into so many GPUs")
    ttft, tpot = number(row, "ttft_ms"), number(row, "tpot_ms")
    return Point(
        at,
        int(clients),
        int(prompt),
        int(output),
        ttft_s=None if ttft is None else ttft / 1e3,
        tpot_s=None if tpot is None else tpot / 1e3,
        spread=float(row.get("spread") or 0),
        budget=int(number(row, "budget") or 8192),
        wait_steps=int(number(row, "wait_steps") or 0),
        reserve=at.backend == "trtllm",  # as it does unless told otherwise
    )


def deployment_of(row: Mapping[str, str], catalogue: Catalogue) -> Deployment:
    """What a row ran on. TensorRT-LLM keeps keys and values in fp8 where the weights are."""
    model, gpu = catalogue.model(row["model"]), catalogue.gpu(row["gpu"])
    backend = row["engine"].split()[0].lower()
    weights, shared = precisions_of(row["precision"].lower(), model)
    fp8 = backend == "trtllm" and row["precision"].lower() == "fp8"
    return Deployment(
        model,
        gpu,
        weights,
        kv=row.get("kv") or ("fp8" if fp8 else "bf16"),
        tp=int(number(row, "tp") or 1),
        backend=backend,
        pp=int(number(row, "pp") or 1),
        shared_weights=shared,
        activations=row.get("activations") or "",
        ep=int(number(row, "ep") or 1) if model.experts else 1,
    )


def precisions_of(named: str, model: Model) -> tuple[str, str]:
    """Precision of the weights, and of those that aren't experts if that is another.

    fp8 mixtures are published with scales by block. Mixtures of 4 bits have all but their experts
    in bf16; those of gpt-oss are mxfp4 whatever a row calls them.
    """
    weights = PRECISIONS.get(named, named)
    if not model.experts:
        return weights, ""
    if model.name.startswith("gpt-oss"):
        return "mxfp4", "bf16"
    if weights == "fp8":
        return "fp8_block", ""
    return weights, "bf16" if weights in ("int4", "mxfp4") else ""


def number(row: Mapping[str, str], name: str) -> float | None:
    """A cell as a number; None if it is empty or not one."""
    text = row.get(name) or "nan"
    value = float(text)
    return None if math.isnan(value) else value

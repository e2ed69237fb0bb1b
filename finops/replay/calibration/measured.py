"""What was measured outside of the platform, as groups of points or as a run."""

from __future__ import annotations

from collections.abc import Sequence as Rows
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from finops.engine.catalogue import Catalogue
from finops.engine.observed.replay import policy_of
from finops.engine.observed.run import Run
from finops.engine.read_points import Group
from finops.replay.calibration.advice import advice
from finops.replay.calibration.asked import Asked
from finops.replay.calibration.benchmark_results import point_of_run, read_results
from finops.replay.calibration.choose import Choice, by_deployment
from finops.replay.calibration.errors import InvalidInput
from finops.replay.calibration.from_platform import Replayable
from finops.replay.calibration.points_file import read_points_file


@dataclass(frozen=True)
class Found:
    """Points by deployment, and remarks on what was left out."""

    groups: list[Group]
    notes: tuple[str, ...]


def measured_groups(
    points: Path | None, benchmark: Rows[Path] | None, asked: Asked, catalogue: Catalogue
) -> Found:
    """The points of a file, or those of a benchmark's results; raises InvalidInput for none."""
    if points is None:
        return Found([benchmark_group(benchmark or (), asked, catalogue)], ())
    groups, left_out = read_points_file(points, catalogue)
    reasons = [f"left out: {count} rows: {reason}" for reason, count in left_out.items()]
    if not groups:
        hints = {hint for reason in left_out if (hint := advice(reason))}
        raise InvalidInput("\n".join(("No row can be used.", *reasons, *sorted(hints))))
    choice = Choice(asked.model, asked.gpu, asked.engine, asked.precision, asked.tp)
    chosen = choice.chosen(groups, catalogue)
    return Found([part for group in chosen for part in by_deployment(group)], tuple(reasons))


def benchmark_group(paths: Rows[Path], asked: Asked, catalogue: Catalogue) -> Group:
    """The results of one benchmark, all of one deployment."""
    row = asked.row()
    points = [
        point_of_run(found, row, catalogue) if isinstance(found, Run) else found
        for path in paths
        for found in read_results(path, row, catalogue, asked.setup())
    ]
    at = asked.deployment(catalogue)
    return Group(at.model.name, at.gpu.name, at.backend, at.weights, tuple(points))


def measured_run(paths: Rows[Path] | None, asked: Asked, catalogue: Catalogue) -> Replayable | None:
    """A benchmark's result that is one run, recorded request by request; None for anything else."""
    if not paths or len(paths) > 1:
        return None
    found = read_results(paths[0], asked.row(), catalogue, asked.setup())
    if len(found) != 1 or not isinstance(found[0], Run):
        return None
    policy = policy_of(asked.setup(), asked.deployment(catalogue))
    return Replayable(found[0], policy, np.ones(len(found[0]), np.bool_), ())

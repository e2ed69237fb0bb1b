"""Which of the groups of a points file a user means."""

from __future__ import annotations

from collections.abc import Sequence as Rows
from dataclasses import dataclass, replace

from finops.engine.catalogue import Catalogue
from finops.engine.deployment import Deployment
from finops.engine.points import Point
from finops.engine.read_points import PRECISIONS, Group
from finops.replay.calibration.errors import InvalidInput


@dataclass(frozen=True)
class Choice:
    """What a user named: None for what is left open. Names are as in a points file."""

    model: str | None = None
    gpu: str | None = None
    engine: str | None = None
    precision: str | None = None
    tp: int | None = None

    def chosen(self, groups: Rows[Group], catalogue: Catalogue) -> list[Group]:
        """The groups that fit, with points of the chosen `tp` only; raises InvalidInput for none.

        Raises UnknownEntry for a model or a GPU that the catalogue doesn't have.
        """
        model = self.model and catalogue.model(self.model).name
        gpu = self.gpu and catalogue.gpu(self.gpu).name
        found = [
            Group(*names_of(group), points)
            for group in groups
            if model in (None, group.model)
            and gpu in (None, group.gpu)
            and (self.engine is None or group.engine.startswith(self.engine.split()[0].lower()))
            and (self.precision is None or group.precision.startswith(self.weights))
            and (points := self.points_of(group))
        ]
        if not found:
            there = "; ".join(" · ".join(names_of(group)) for group in groups) or "none"
            raise InvalidInput(f"No points are of this deployment. The file has: {there}.")
        return found

    @property
    def weights(self) -> str:
        """The precision by the engine's name. "fp8" also finds the "fp8_block" of mixtures."""
        text = (self.precision or "").lower()
        return PRECISIONS.get(text, text)

    def points_of(self, group: Group) -> tuple[Point, ...]:
        return tuple(p for p in group.points if self.tp in (None, p.deployment.tp))


def names_of(group: Group) -> tuple[str, str, str, str]:
    """What tells a group from others."""
    return group.model, group.gpu, group.engine, group.precision


def by_deployment(group: Group) -> list[Group]:
    """The group in parts of which one profile may be made: they differ in `tp` and `ep` only."""
    parts: dict[Deployment, list[Point]] = {}
    for point in group.points:
        parts.setdefault(replace(point.deployment, tp=1, ep=1), []).append(point)
    return [Group(*names_of(group), tuple(points)) for points in parts.values()]

"""What the ledger can be grouped and filtered by. The only names that reach SQL as identifiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, get_args

from finops.queries.errors import UnknownDimension

Dimension = Literal["tenant", "model", "provider", "feature", "team", "environment", "operation"]
DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)


def as_dimension(name: str) -> Dimension:
    """Return `name` as a dimension; raises UnknownDimension when it is none."""
    for dimension in DIMENSIONS:
        if name == dimension:
            return dimension
    raise UnknownDimension(
        f"{name[:50]!r} is not something to group or filter by; use {', '.join(DIMENSIONS)}."
    )


def as_dimensions(names: Sequence[str]) -> tuple[Dimension, ...]:
    """Return each name as a dimension, in the order given and each once."""
    return tuple(dict.fromkeys(as_dimension(name) for name in names))


@dataclass(frozen=True, slots=True)
class Filters:
    """Which calls count: for each dimension named, one of the values given; '' = unattributed."""

    values: Mapping[Dimension, tuple[str, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )

    def __bool__(self) -> bool:
        return any(self.values.values())

    def conditions(self) -> str:
        """SQL to append to a WHERE; the values are in `params`, never in the text."""
        return "".join(
            f" AND {as_dimension(dimension)} IN {{only_{dimension}:Array(String)}}"
            for dimension, values in self.values.items()
            if values
        )

    def params(self) -> dict[str, list[str]]:
        return {
            f"only_{dimension}": list(values) for dimension, values in self.values.items() if values
        }


NO_FILTERS = Filters()

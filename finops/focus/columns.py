"""What a version of FOCUS has for columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["string", "decimal", "time", "json"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column in the order of the file; `source` is the cell that fills it."""

    name: str
    kind: Kind = "string"
    nullable: bool = True
    source: str = ""

    @property
    def cell(self) -> str:
        return self.source or self.name


@dataclass(frozen=True, slots=True)
class Version:
    """A version of FOCUS's Cost and Usage dataset: FOCUS's columns first, then our own x_ ones."""

    name: str
    columns: tuple[Column, ...]
    # Whether a charge that is split names its parts in columns of FOCUS's (since 1.3).
    splits: bool

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


def required(name: str, kind: Kind = "string", source: str = "") -> Column:
    return Column(name, kind, nullable=False, source=source)

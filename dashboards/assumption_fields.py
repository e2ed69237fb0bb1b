"""Assumptions as fields of a form whose address keeps what was entered, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.http import QueryDict

from finops.insights.assumptions import Assumed, Assumption, BadAssumption, assume

LONGEST = 40


@dataclass(frozen=True, slots=True)
class AssumptionField:
    """A field: `entered` is what stands in it, `usual` what holds while it is empty."""

    name: str
    label: str
    unit: str
    entered: str
    usual: str
    source: str
    error: str


@dataclass(frozen=True, slots=True)
class Entered:
    """What an address says: texts that can be used, and what is wrong with the others, by name."""

    given: dict[str, str]
    refused: dict[str, tuple[str, str]]


def read_entered(query: QueryDict, asked: Sequence[Assumption]) -> Entered:
    """Read what was entered; a number that can't be is left out and said, never half obeyed."""
    given = {
        each.name: text for each in asked if (text := query.get(each.name, "").strip()[:LONGEST])
    }
    refused: dict[str, tuple[str, str]] = {}
    for each in asked:
        try:
            assume([each], given)
        except BadAssumption as error:
            refused[each.name] = (given.pop(each.name), str(error))
    return Entered(given, refused)


def fields(
    asked: Iterable[Assumption], assumed: Mapping[str, Assumed], entered: Entered
) -> list[AssumptionField]:
    """Make the fields in their order."""
    return [field(each, assumed.get(each.name), entered) for each in asked]


def field(each: Assumption, found: Assumed | None, entered: Entered) -> AssumptionField:
    typed, error = entered.refused.get(each.name, (entered.given.get(each.name, ""), ""))
    known = found if found is not None else Assumed(each, each.usual, each.source)
    return AssumptionField(
        name=each.name,
        label=each.label,
        unit=each.unit,
        entered=typed,
        usual="" if typed else plain(known.value),
        source=known.source,
        error=error,
    )


def plain(value: Decimal | None) -> str:
    """A number as one would type it, with commas between thousands."""
    return "" if value is None else f"{value.normalize():,f}"

"""What a comparison rests on: each assumption has a name, a value, a unit, and where it is from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

ENTERED = "entered by you"
LONGEST_NUMBER = 30


@dataclass(frozen=True, slots=True)
class Assumption:
    """A number that may be changed. `usual` None: there is none until it is measured or entered.

    Values lie from `least` to `most`; `source` says where `usual` is from.
    """

    name: str
    label: str
    unit: str
    usual: Decimal | None
    source: str
    least: Decimal = Decimal(0)
    most: Decimal = Decimal(10) ** 15
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Assumed:
    """An assumption as it is used: its value, and who says so."""

    of: Assumption
    value: Decimal | None
    source: str

    @property
    def entered(self) -> bool:
        return self.source == ENTERED


class BadAssumption(ValueError):
    """A value that can't be used; the message says which ones can."""

    code = "invalid_assumption"
    retryable = False

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def assume(
    asked: Sequence[Assumption],
    given: Mapping[str, str],
    measured: Mapping[str, tuple[Decimal, str]] | None = None,
) -> dict[str, Assumed]:
    """Fill in each assumption: what was entered, else what was measured, else the usual value.

    `given` are texts by name, empty ones count as not given. Raises BadAssumption.
    """
    known = measured or {}
    found: dict[str, Assumed] = {}
    for each in asked:
        text = given.get(each.name, "").strip()
        if text:
            found[each.name] = Assumed(each, read_number(each, text), ENTERED)
        elif each.name in known:
            value, source = known[each.name]
            found[each.name] = Assumed(each, value, source)
        else:
            found[each.name] = Assumed(each, each.usual, each.source)
    return found


def read_number(each: Assumption, text: str) -> Decimal:
    """Read what a person typed, with commas between thousands or without."""
    try:
        if len(text) > LONGEST_NUMBER:
            raise InvalidOperation
        value = Decimal(text.replace(",", "").replace("_", ""))
    except InvalidOperation:
        raise BadAssumption(each.name, f"{each.label} takes a number, such as 12.5.") from None
    if not value.is_finite() or not each.least <= value <= each.most:
        raise BadAssumption(
            each.name, f"{each.label} lies between {each.least:f} and {each.most:f}."
        )
    if each.whole and value != value.to_integral_value():
        raise BadAssumption(each.name, f"{each.label} takes a whole number.")
    return value


def values(found: Mapping[str, Assumed]) -> dict[str, Decimal]:
    """The values alone, of those that are known."""
    return {name: each.value for name, each in found.items() if each.value is not None}

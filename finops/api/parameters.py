"""What a caller asks of the ledger, read from the query string.

Nothing is ignored: a misspelt filter must not answer with everybody's cost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.http import QueryDict

from finops.api.errors import InvalidParameter
from finops.queries import (
    DIMENSIONS,
    ORDERS,
    Dimension,
    Filters,
    InvalidRange,
    Range,
    UnknownDimension,
)
from finops.queries.dimensions import as_dimensions

SINGLE = ("from", "to", "group_by", "format", "order", "limit")
SINGLE_OF_UNPRICED = ("from", "to", "format", "limit")
DEFAULT_LENGTH = timedelta(hours=24)
MOST_ROWS = 10_000
MOST_VALUES = 100
LONGEST_VALUE = 1000
# A '+' that was not escaped in a URL arrives as a space.
LOST_PLUS = re.compile(r" (\d\d:?\d\d)$")


@dataclass(frozen=True, slots=True)
class UnitCostsQuestion:
    """A question that can be answered: parameters checked, defaults filled in."""

    span: Range
    group_by: tuple[Dimension, ...]
    filters: Filters
    order: str
    limit: int


@dataclass(frozen=True, slots=True)
class UnpricedQuestion:
    """The same for the calls without a price."""

    span: Range
    filters: Filters
    limit: int


def read_unit_costs_question(params: QueryDict, *, now: datetime) -> UnitCostsQuestion:
    """Read the query string; raises InvalidParameter naming the first that can't be used."""
    refuse_unknown(params, SINGLE)
    return UnitCostsQuestion(
        span=read_range(params, now),
        group_by=read_group_by(params.get("group_by", "tenant,model")),
        filters=read_filters(params),
        order=read_order(params.get("order", "-cost_usd")),
        limit=read_limit(params.get("limit", str(MOST_ROWS))),
    )


def read_unpriced_question(params: QueryDict, *, now: datetime) -> UnpricedQuestion:
    """Read the query string; raises InvalidParameter as read_unit_costs_question does."""
    refuse_unknown(params, SINGLE_OF_UNPRICED)
    return UnpricedQuestion(
        span=read_range(params, now),
        filters=read_filters(params),
        limit=read_limit(params.get("limit", str(MOST_ROWS))),
    )


def refuse_unknown(params: QueryDict, single: tuple[str, ...]) -> None:
    refuse_others(params, single, DIMENSIONS)


def refuse_others(
    params: QueryDict, single: tuple[str, ...], repeatable: tuple[str, ...] = ()
) -> None:
    """Raise InvalidParameter for a name that is neither, or a single one that comes twice."""
    for name in params:
        if name not in single and name not in repeatable:
            allowed = ", ".join((*single, *repeatable))
            raise InvalidParameter(name[:50], "unknown_parameter", f"Parameters are {allowed}.")
        if name in single and len(params.getlist(name)) > 1:
            raise InvalidParameter(name, "repeated_parameter", "Give this parameter once.")


def read_filters(params: QueryDict) -> Filters:
    return Filters({name: read_values(params, name) for name in DIMENSIONS if name in params})


def read_range(params: QueryDict, now: datetime) -> Range:
    end = read_time("to", str(params["to"])) if "to" in params else now
    try:
        start = read_time("from", str(params["from"])) if "from" in params else end - DEFAULT_LENGTH
        return Range(start, end)
    except (InvalidRange, OverflowError) as error:
        raise InvalidParameter("from", "invalid_range", str(error)) from None


def read_time(name: str, text: str) -> datetime:
    """Read a date (its first instant in UTC) or a date-time with an offset."""
    text = LOST_PLUS.sub(r"+\1", text.strip())
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return datetime.combine(date.fromisoformat(text), time(), UTC)
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise InvalidParameter(
        name,
        "invalid_time",
        "Give a date such as 2026-11-21, or a time with its offset such as 2026-11-21T14:00:00Z.",
    )


def read_group_by(text: str) -> tuple[Dimension, ...]:
    try:
        return as_dimensions([name.strip() for name in text.split(",")])
    except UnknownDimension as error:
        raise InvalidParameter("group_by", "unknown_group_by", str(error)) from None


def read_values(params: QueryDict, name: Dimension) -> tuple[str, ...]:
    values = tuple(params.getlist(name))
    if len(values) > MOST_VALUES or any(len(value) > LONGEST_VALUE for value in values):
        raise InvalidParameter(
            name,
            "too_many_values",
            f"Give at most {MOST_VALUES} values of at most {LONGEST_VALUE} characters.",
        )
    if any("\x00" in value for value in values):
        raise InvalidParameter(name, "invalid_value", "A value can't hold a NUL character.")
    return values


def read_order(text: str) -> str:
    if text.removeprefix("-") not in ORDERS:
        raise InvalidParameter(
            "order",
            "unknown_order",
            f"Use one of {', '.join(ORDERS)}; '-' in front: largest first.",
        )
    return text


def read_limit(text: str, most: int = MOST_ROWS) -> int:
    if re.fullmatch(r"[0-9]{1,5}", text) and 1 <= int(text) <= most:
        return int(text)
    raise InvalidParameter("limit", "invalid_limit", f"Give a number from 1 to {most}.")

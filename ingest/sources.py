"""How a source of the dialect table is read from a row of `spans`.

The expressions may use the columns of `spans` and `provider_text`.
"""

from __future__ import annotations

from ingest.decode import one_of, quote, texts
from ingest.dialects.table import (
    Const,
    Digits,
    Json,
    Only,
    Resource,
    Rest,
    Seconds,
    Since,
    Source,
    SpanName,
    Sum,
    When,
)
from ingest.meaning import LONGEST_MS

MOMENT = r"^20\d\d-\d\d-\d\d[T ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?$"


def text_of(source: Source) -> str:
    """Return the expression that reads a source as text; '' where it isn't there."""
    match source:
        case Resource(name):
            return f"resource[{quote(name)}]"
        case Json(name, path):
            return text_in_json(name, path)
        case Digits(name):
            return f"extract(attributes[{quote(name)}], {quote(source.pattern)})"
        case SpanName() | Const():
            return "name" if isinstance(source, SpanName) else quote(source.text)
        case Seconds(name) | Since(name):
            return f"attributes[{quote(name)}]"
        case Only(when, inner):
            return f"if({holds(when)}, {text_of(inner)}, '')"
        case Sum() | Rest():
            return f"toString({count_of(source)})"
        case _:
            return f"attributes[{quote(source)}]"


def text_in_json(name: str, path: tuple[str | int, ...]) -> str:
    """ClickHouse gives any member but null as text."""
    steps = (quote(step) if isinstance(step, str) else str(step) for step in path)
    at = ", ".join((f"attributes[{quote(name)}]", *steps))
    return f"JSONExtractString({at})"


def count_of(source: Source) -> str:
    """Return the expression that reads a whole number from 0 up, sent in whatever type, or NULL."""
    if isinstance(source, Sum):
        parts = ", ".join(count_of(part) for part in source.sources)
        return f"accurateCastOrNull(arrayReduce('sumOrNull', [{parts}]), 'UInt32')"
    if isinstance(source, Rest):
        parts = "".join(f" - {count_of(part)}" for part in source.parts)
        left = f"toInt64({count_of(source.total)}){parts}"
        return f"accurateCastOrNull(nullIf({left}, 0), 'UInt32')"
    if isinstance(source, Only):
        return f"if({holds(source.when)}, {count_of(source.source)}, NULL)"
    return f"accurateCastOrNull(toFloat64OrNull({text_of(source)}), 'UInt32')"


def duration_of(source: Source) -> str:
    """Return the expression that reads a number from 0 up, in milliseconds, or NULL.

    What is no number, or longer than any call can take, is as good as not sent.
    """
    if isinstance(source, Only):
        return f"if({holds(source.when)}, {duration_of(source.source)}, NULL)"
    if isinstance(source, Since):
        number = since_start(text_of(source))
    else:
        scale = " * 1000" if isinstance(source, Seconds) else ""
        number = f"toFloat64OrNull({text_of(source)}){scale}"
    return f"if({number} BETWEEN 0 AND {LONGEST_MS}, {number}, NULL)"


def since_start(text: str) -> str:
    """Return the expression for the milliseconds from the span's start to a time; NULL if none."""
    bare = f"trim(BOTH '\"' FROM {text})"
    number = f"toFloat64OrNull({bare})"
    micros = f"""multiIf(
        {number} >= 1e17, {number} / 1e3, {number} >= 1e14, {number},
        {number} >= 1e11, {number} * 1e3, {number} IS NOT NULL, {number} * 1e6,
        match({bare}, {quote(MOMENT)}),
        toFloat64(toUnixTimestamp64Micro(parseDateTime64BestEffortOrNull({bare}, 6, 'UTC'))),
        NULL)"""
    return f"({micros} - toUnixTimestamp64Micro(started_at)) / 1000"


def holds(when: When) -> str:
    """Return the condition that a span is one of those that a rule is about."""
    conditions = ["1"]
    if when.scopes:
        conditions.append(one_of("scope_name", when.scopes))
    if when.names:
        conditions.append(one_of("name", when.names))
    if when.providers:
        conditions.append(f"lower(provider_text) IN ({texts(when.providers)})")
    if when.keys:
        conditions.append(
            " OR ".join(f"mapContains(attributes, {quote(key)})" for key in when.keys)
        )
    conditions.extend(
        f"attributes[{quote(key)}] IN ({texts(values)})" for key, values in when.values.items()
    )
    conditions.extend(f"NOT mapContains(attributes, {quote(key)})" for key in when.lacks)
    if when.failed is not None:
        conditions.append("status_code = 2" if when.failed else "status_code != 2")
    return " AND ".join(f"({condition})" for condition in conditions)


def any_holds(rules: tuple[When, ...]) -> str:
    return " OR ".join(f"({holds(when)})" for when in rules) or "0"

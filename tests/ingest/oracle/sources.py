"""How the oracle reads the sources of the dialect table.

Each source becomes a function of a span, made once for each dialect.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ingest.dialects.table import (
    Const,
    Digits,
    Json,
    Only,
    Resource,
    Rest,
    Scope,
    Seconds,
    Since,
    Source,
    SpanName,
    Sum,
    Unlike,
    When,
)
from tests.ingest.oracle.values import (
    LARGEST_COUNT,
    count_of,
    lower,
    number_of,
    parse_json,
    text_of_member,
)

LONGEST_MS = 30 * 24 * 3600 * 1000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENT = re.compile(
    r"(20\d\d-\d\d-\d\d)[T ]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(\.\d+)?(Z|[+-]\d\d:?\d\d)?",
    re.ASCII,
)


@dataclass(slots=True)
class Sent:
    """A span as it came; `provider` is filled in before rules are asked."""

    attributes: Mapping[str, str]
    resource: Mapping[str, str]
    name: str
    scope: str
    started_us: int
    failed: bool
    provider: str = ""
    parsed: dict[str, Any] = field(default_factory=dict)

    def json(self, name: str) -> Any:
        """What an attribute holds as JSON, read once."""
        if name not in self.parsed:
            self.parsed[name] = parse_json(self.attributes[name])
        return self.parsed[name]


Text = Callable[[Sent], str]
Count = Callable[[Sent], int | None]
Duration = Callable[[Sent], float | None]
Rule = Callable[[Sent], bool]


def reads_text(source: Source) -> Text:
    match source:
        case str():
            return lambda sent: sent.attributes.get(source, "")
        case Seconds(name) | Since(name):
            return lambda sent: sent.attributes.get(name, "")
        case Resource(name):
            return lambda sent: sent.resource.get(name, "")
        case Json(name, path):
            return reads_member(name, path)
        case Digits(name, path):
            return reads_digits(name, path)
        case _:
            return reads_made_text(source)


def reads_made_text(source: Source) -> Text:
    match source:
        case SpanName(pattern):
            return reads_group(pattern, lambda sent: sent.name)
        case Scope(pattern):
            return reads_group(pattern, lambda sent: sent.scope)
        case Const(text):
            return lambda _: text
        case Unlike(one, other):
            this, that = reads_text(one), reads_text(other)
            return lambda sent: "" if (text := this(sent)) == that(sent) else text
        case Only(when, inner):
            holds, read = reads_rule(when), reads_text(inner)
            return lambda sent: read(sent) if holds(sent) else ""
        case _:
            count = reads_count(source)
            return lambda sent: "" if (found := count(sent)) is None else str(found)


def reads_member(name: str, path: tuple[str | int, ...]) -> Text:
    def read(sent: Sent) -> str:
        return text_of_member(sent.json(name), path) if sent.attributes.get(name) else ""

    return read


def reads_group(pattern: str, text: Text) -> Text:
    found = re.compile(pattern, re.ASCII | re.DOTALL)

    def read(sent: Sent) -> str:
        match = found.search(text(sent))
        return match[1] if match else ""

    return read if pattern else text


def reads_digits(name: str, path: tuple[str, ...]) -> Text:
    outer = "".join(rf"""["']{member}["']\s*:\s*\{{[^}}]*""" for member in path[:-1])
    pattern = re.compile(rf"""{outer}["']{path[-1]}["']\s*:\s*["']?(\d+)""", re.ASCII)

    def read(sent: Sent) -> str:
        text = sent.attributes.get(name)
        found = pattern.search(text) if text else None
        return found[1] if found else ""

    return read


def reads_count(source: Source) -> Count:
    match source:
        case Sum(sources):
            parts = [reads_count(part) for part in sources]
            return lambda sent: total(part(sent) for part in parts)
        case Rest(whole, sources):
            counts = [reads_count(one) for one in (whole, *sources)]
            return lambda sent: rest([count(sent) for count in counts])
        case Only(when, inner):
            holds, read = reads_rule(when), reads_count(inner)
            return lambda sent: read(sent) if holds(sent) else None
        case _:
            text = reads_text(source)
            return lambda sent: count_of(text(sent))


def total(counts: Iterable[int | None]) -> int | None:
    there = [count for count in counts if count is not None]
    return sum(there) if there and sum(there) <= LARGEST_COUNT else None


def rest(counts: Sequence[int | None]) -> int | None:
    there = [count for count in counts if count is not None]
    left = there[0] - sum(there[1:]) if len(there) == len(counts) else 0
    return left if left > 0 else None


def reads_duration(source: Source) -> Duration:
    """The milliseconds that a source holds; None beyond what a call can take."""
    match source:
        case Only(when, inner):
            holds, number = reads_rule(when), reads_duration(inner)
            return lambda sent: number(sent) if holds(sent) else None
        case Since(name):
            return lambda sent: bounded(since_start(sent.attributes.get(name, ""), sent.started_us))
        case Seconds(name):
            return lambda sent: bounded(scaled(sent.attributes.get(name, ""), 1000))
        case _:
            text = reads_text(source)
            return lambda sent: bounded(scaled(text(sent), 1))


def scaled(text: str, by: int) -> float | None:
    number = number_of(text)
    return None if number is None else number * by


def bounded(number: float | None) -> float | None:
    return number if number is not None and 0 <= number <= LONGEST_MS else None


def since_start(text: str, started_us: int) -> float | None:
    bare = text.strip('"')
    number = number_of(bare)
    if number is None:
        moment_us = microseconds(bare)
        return None if moment_us is None else (moment_us - started_us) / 1000
    for least, scale in ((1e17, 1e-3), (1e14, 1.0), (1e11, 1e3)):
        if number >= least:
            return (number * scale - started_us) / 1000
    return (number * 1e6 - started_us) / 1000


def microseconds(text: str) -> int | None:
    """Microseconds since 1970 of an ISO time."""
    found = MOMENT.fullmatch(text)
    if not found:
        return None
    day, clock, fraction, zone = found.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=UTC)
    except ValueError:
        return None
    if zone and zone != "Z":
        digits = zone[1:].replace(":", "")
        ahead = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        moment -= ahead if zone[0] == "+" else -ahead
    parts = int((fraction or ".0")[1:7].ljust(6, "0"))
    return (moment - EPOCH) // timedelta(microseconds=1) + parts


def reads_rule(when: When) -> Rule:
    def holds(sent: Sent) -> bool:
        given = sent.attributes
        return (
            (when.failed is None or sent.failed == when.failed)
            and (not when.scopes or one_of(sent.scope, when.scopes))
            and (not when.names or one_of(sent.name, when.names))
            and all(given.get(key, "") in values for key, values in when.values.items())
            and (not when.keys or any(key in given for key in when.keys))
            and not any(key in given for key in when.lacks)
            and (not when.providers or lower(sent.provider) in when.providers)
        )

    return holds


def one_of(text: str, names: Sequence[str]) -> bool:
    return any(text.startswith(name[:-1]) if name.endswith("*") else text == name for name in names)

"""How a source of the dialect table is read from a row of `told` (see known.py).

Attributes are columns by their number, and rules columns by their place: whoever uses these
expressions selects what `Reading` collected beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ingest.decode import one_of, quote, texts
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
from ingest.objects import Objects, step_of, text_at
from ingest.slots import Name

MOMENT = r"^20\d\d-\d\d-\d\d[T ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?$"


class Reading:
    """Expressions for sources, and what they need: attributes and rules, each read once a row."""

    def __init__(self, names: Mapping[Name, int], sources: Iterable[Source] = ()) -> None:
        self.names = names
        self.objects = Objects(names, sources)
        self.attributes: dict[str, str] = {}
        self.moments: dict[str, str] = {}
        self.rules: list[When] = []

    def number(self, source: Source) -> int | None:
        """Return the number of what stands among the attributes; None for what is worked out."""
        if isinstance(source, Json):
            return self.objects.members.get(source)
        return self.names[source] if isinstance(source, str | Resource) else None

    def attribute(self, name: Name) -> str:
        """Return the column of an attribute's text; '' where it isn't there."""
        return self.numbered(self.names[name])

    def numbered(self, number: int) -> str:
        """As `attribute`, by its number."""
        column = f"attribute_{number}"
        self.attributes[column] = text_at(number)
        return column

    def member(self, source: Json) -> str:
        """Return the expression for a member of JSON; '' where it isn't there."""
        number = self.objects.members.get(source)
        if number is not None:
            return self.numbered(number)
        steps = (self.attribute(source.name), *map(step_of, source.path))
        return f"JSONExtractString({', '.join(steps)})"

    def rule(self, when: When) -> str:
        """Return the column that says whether a rule holds."""
        if when not in self.rules:
            self.rules.append(when)
        return f"rule_{self.rules.index(when)}"

    def any_rule(self, rules: tuple[When, ...]) -> str:
        return " OR ".join(self.rule(when) for when in rules) or "0"

    def text(self, source: Source) -> str:
        """Return the expression that reads a source as text; '' where it isn't there."""
        match source:
            case str() | Resource():
                return self.attribute(source)
            case Json():
                return self.member(source)
            case Digits(name):
                return f"extract({self.attribute(name)}, {quote(source.pattern)})"
            case Const(text):
                return quote(text)
            case SpanName(pattern):
                return f"extract(span.name, {quote(pattern)})" if pattern else "toString(span.name)"
            case Scope(pattern):
                scope = "span.scope_name"
                return f"extract({scope}, {quote(pattern)})" if pattern else f"toString({scope})"
            case Only() | Unlike():
                return self.conditional(source)
            case _:
                return f"ifNull(toString({self.amount(source)}), '')"

    def conditional(self, source: Only | Unlike) -> str:
        """Return the expression that reads a source only if something holds."""
        if isinstance(source, Only):
            return f"if({self.rule(source.when)}, {self.text(source.source)}, '')"
        text = self.text(source.source)
        return f"if({text} = {self.text(source.other)}, '', {text})"

    def amount(self, source: Source) -> str:
        """Return the expression that reads a source which is worked out, or NULL."""
        match source:
            case Sum(sources):
                return f"arrayReduce('sumOrNull', {self.counts(sources)})"
            case Rest(total, sources):
                parts = "".join(f" - {self.count(part)}" for part in sources)
                return f"nullIf(toInt64({self.count(total)}){parts}, 0)"
            case Seconds(name):
                return f"toFloat64OrNull({self.attribute(name)}) * 1000"
            case Since(name):
                return f"({self.moment(name)} - toUnixTimestamp64Micro(span.started_at)) / 1000"
            case _:
                raise TypeError(f"{source} is a text")

    def counts(self, sources: tuple[Source, ...]) -> str:
        """Return the expression that reads whole numbers from 0 up, NULL for what is none."""
        numbers = [self.number(source) for source in sources]
        if None in numbers:
            return f"[{', '.join(self.count(source) for source in sources)}]"
        return f"""arrayMap(text -> {count_of("text")}, arrayFilter(
            (text, number, time) -> time = 1 AND number IN ({", ".join(map(str, numbers))}),
            texts, names, arrayEnumerateUniq(names)))"""

    def count(self, source: Source) -> str:
        """Return the expression that reads a whole number from 0 up, or NULL."""
        return count_of(self.text(source))

    def moment(self, name: str) -> str:
        """Return the column of an attribute's time, in microseconds since 1970, or NULL."""
        bare = f"trim(BOTH '\"' FROM {self.attribute(name)})"
        column = f"moment_{self.names[name]}"
        number = f"toFloat64OrNull({bare})"
        self.moments[column] = f"""multiIf(
        {number} >= 1e17, {number} / 1e3, {number} >= 1e14, {number},
        {number} >= 1e11, {number} * 1e3, {number} IS NOT NULL, {number} * 1e6,
        match({bare}, {quote(MOMENT)}),
        toFloat64(toUnixTimestamp64Micro(parseDateTime64BestEffortOrNull({bare}, 6, 'UTC'))),
        NULL)"""
        return column

    def holds(self, when: When) -> str:
        """Return the condition that a span is one of those that a rule is about."""
        conditions = ["1"]
        if when.scopes:
            conditions.append(one_of("span.scope_name", when.scopes))
        if when.names:
            conditions.append(one_of("span.name", when.names))
        if when.providers:
            conditions.append(f"lower(first_provider) IN ({texts(when.providers)})")
        if when.keys:
            conditions.append(" OR ".join(f"has(names, {self.names[key]})" for key in when.keys))
        conditions.extend(
            f"{self.attribute(key)} IN ({texts(values)})" for key, values in when.values.items()
        )
        conditions.extend(f"NOT has(names, {self.names[key]})" for key in when.lacks)
        if when.failed is not None:
            conditions.append("span.status_code = 2" if when.failed else "span.status_code != 2")
        return " AND ".join(f"({condition})" for condition in conditions)


def count_of(text: str) -> str:
    """Return the expression for a text that is a whole number from 0 up, or NULL."""
    return f"accurateCastOrNull(toFloat64OrNull({text}), 'UInt32')"

"""The words of the dialect table: where a column is found, and which spans a rule is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class When:
    """Spans that a rule is about: all that is given must hold, and one of each tuple is enough.

    A scope or a span name that ends in `*` stands for all that begin so; providers are in lower
    case; `keys` are attributes that are there, whatever they hold, and none of `lacks` is. `failed`
    is whether the span's status is an error.
    """

    scopes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lacks: tuple[str, ...] = ()
    failed: bool | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """An attribute of the resource (the process that sends) instead of the span."""

    name: str


@dataclass(frozen=True, slots=True)
class Seconds:
    """An attribute in seconds; columns of durations are in milliseconds."""

    name: str


@dataclass(frozen=True, slots=True, init=False)
class Json:
    """A member of an attribute that holds JSON; further members lead inwards.

    A number instead of a name is a place in a list, counted from 1.
    """

    name: str
    path: tuple[str | int, ...]

    def __init__(self, name: str, *path: str | int) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "path", path)


@dataclass(frozen=True, slots=True, init=False)
class Digits:
    """The whole number after a quoted member's name, in JSON or in a dict as Python prints it.

    Of several members each but the last one is a dict, or an object, that the next one is in.
    """

    name: str
    path: tuple[str, ...]

    def __init__(self, name: str, *path: str) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "path", path)

    @property
    def pattern(self) -> str:
        """The regular expression whose group is the number."""
        opened = (f"""["']{member}["']\\s*:\\s*\\{{[^}}]*""" for member in self.path[:-1])
        return "".join(opened) + f"""["']{self.path[-1]}["']\\s*:\\s*["']?(\\d+)"""


@dataclass(frozen=True, slots=True, init=False)
class Sum:
    """Counts that make one together; those that weren't sent add nothing."""

    sources: tuple[Source, ...]

    def __init__(self, *sources: Source) -> None:
        object.__setattr__(self, "sources", sources)


@dataclass(frozen=True, slots=True, init=False)
class Rest:
    """What is left of a count after others were taken off; not sent unless all are there.

    Nothing left is as good as not sent.
    """

    total: Source
    parts: tuple[Source, ...]

    def __init__(self, total: Source, *parts: Source) -> None:
        object.__setattr__(self, "total", total)
        object.__setattr__(self, "parts", parts)


@dataclass(frozen=True, slots=True)
class Since:
    """An attribute that holds a time: how long after the start of the span that was.

    It is an ISO time, with quotation marks around it or not, or seconds, milliseconds,
    microseconds or nanoseconds since 1970; their size tells which.
    """

    name: str


@dataclass(frozen=True, slots=True)
class SpanName:
    """What the span is called; with a regular expression, what its first group finds there."""

    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """The same of the name of the span's scope, the library that made it."""

    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Const:
    """A text that all senders of a dialect mean."""

    text: str


@dataclass(frozen=True, slots=True)
class Only:
    """A source that is read on some spans only."""

    when: When
    source: Source


@dataclass(frozen=True, slots=True)
class Unlike:
    """A text, unless another source says the same."""

    source: Source
    other: Source


Source = (
    str
    | Resource
    | Seconds
    | Json
    | Digits
    | Sum
    | Rest
    | Since
    | SpanName
    | Scope
    | Const
    | Only
    | Unlike
)
Sources = tuple[Source, ...]
Fields = Mapping[str, Sources]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way of naming things.

    A span speaks it if its scope (a trailing `*` stands for any end), one of its keys, or a prefix
    of one of its keys matches; dialects are tried in the order of the table. `operations`
    translates the operation it names; others are taken as they are if `other_operations`, else
    they are no inference. Spans of `never` are no calls, whatever they carry. Totals are inclusive
    (input contains cache and audio and images, output contains reasoning and audio) except where
    `exclusive_input` or `exclusive_output` says that this sender's aren't, or where `total_tokens`
    is only right if they aren't.
    """

    name: str
    fields: Fields
    scopes: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    operations: Mapping[str, str] = field(default_factory=dict)
    other_operations: bool = True
    never: tuple[When, ...] = ()
    exclusive_input: tuple[When, ...] = ()
    exclusive_output: tuple[When, ...] = ()


def merge(*tables: Fields) -> Fields:
    """Join tables column by column; the sources of an earlier table come first."""
    columns = {column for table in tables for column in table}
    return {
        column: tuple(source for table in tables for source in table.get(column, ()))
        for column in sorted(columns)
    }

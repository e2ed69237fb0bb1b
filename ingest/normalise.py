"""Step two of loading: spans become `calls`.

Each dialect that is present puts what it finds in its spans into numbered slots, in a table that
lives as long as the batch is in hand. Then one statement for all picks the first text of each
column and works out what it means (meaning.py).

Half of what a small batch costs is the server's analysis of statements, which grows with their
length: so a statement reads only what spans of the batch carry.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from finops.clickhouse.client import Warehouse
from ingest.decode import WHOLE, quote, texts
from ingest.dialects import DIALECTS
from ingest.dialects.operations import NO_OPERATION
from ingest.dialects.table import Dialect, Source
from ingest.known import told
from ingest.meaning import CALLS, LONGEST_MS, MEANINGS, field, number_of, text_of, uses_of
from ingest.slots import (
    COLUMNS,
    COUNTS,
    DURATIONS,
    NAMES,
    RANKS,
    Name,
    names_in,
    sources_of,
)
from ingest.sources import Reading

# What the meaning needs of the fields at more than one place.
PICKED_TEXTS = ("model_requested", "model_served", "finish_reason", "error_type", "http_status")
PICKED_COUNTS = tuple(
    name for name in COUNTS if name != "max_output_tokens" and not name.startswith("used_")
)


def select(expressions: Mapping[str, str]) -> str:
    return ",\n    ".join(f"{expression} AS {name}" for name, expression in expressions.items())


def around(inner: str, expressions: Mapping[str, str], carried: str = "*") -> str:
    """Add columns to a query; each may use those of the query, and none of the others."""
    if not expressions:
        return inner
    return f"SELECT {carried},\n    {select(expressions)}\nFROM (\n{inner}\n)"


def numbers(values: Iterable[int]) -> str:
    return f"[{', '.join(map(str, values))}]::Array(UInt16)"


@dataclass(frozen=True, slots=True)
class Find:
    """The query that finds what the spans of a dialect say, and the columns it can find."""

    query: str
    columns: frozenset[int]


def find(
    dialect: Dialect, names: Mapping[Name, int], present: frozenset[int] | None = None
) -> Find:
    """Return what finds what the spans of a dialect say, with the slots it goes to.

    `present` are the numbers of all attributes that these spans have, if that is known. What is
    read as it is goes to its slots by its number; what has to be worked out is an expression.
    """
    sources = [
        (slot, source)
        for slot, source in sources_of(dialect)
        if present is None or carries(present, {names[name] for name in names_in(source)})
    ]
    reading = Reading(names, [source for _, source in sources])
    plain, worked_out = placed(reading, sources)
    rules = {
        "never_call": reading.any_rule(dialect.never),
        "input_said": reading.any_rule(dialect.exclusive_input),
        "output_said": reading.any_rule(dialect.exclusive_output),
    }
    first = first_provider(dialect, reading)
    held = {reading.rule(when): reading.holds(when) for when in reading.rules}
    query = f"SELECT * FROM told WHERE dialect = {quote(dialect.name)}"  # noqa: S608 (our own)
    if reading.objects.members:
        query = around(around(query, reading.objects.pairs()), reading.objects.beside(), "span")
    for layer in (reading.attributes, first | reading.moments, held):
        query = around(query, layer)
    slots = [*map(slots_of, plain), numbers(worked_out)]
    found = [*("texts" for _ in plain), f"[{', '.join(worked_out.values())}]::Array(String)"]
    columns = rules | {
        "slots": f"arrayConcat({', '.join(slots)})",
        "found": f"arrayConcat({', '.join(found)})",
    }
    return Find(around(query, columns, "span"), frozenset(slot // RANKS for slot, _ in sources))


def placed(
    reading: Reading, sources: Iterable[tuple[int, Source]]
) -> tuple[list[dict[int, int]], dict[int, str]]:
    """Return the slots of numbered texts, and the expressions of slots that are worked out.

    The first slots of all texts come first, then the second ones of those that have two, and so on.
    """
    plain: list[dict[int, int]] = []
    worked_out: dict[int, str] = {}
    for slot, source in sources:
        number = reading.number(source)
        if number is None:
            worked_out[slot] = reading.text(source)
            continue
        free = next((slots for slots in plain if number not in slots), None)
        if free is None:
            plain.append(free := {})
        free[number] = slot
    return plain, worked_out


def carries(present: frozenset[int], read: set[int]) -> bool:
    """Say whether a source that reads these attributes may find anything."""
    return not read or not read.isdisjoint(present)


def slots_of(plain: Mapping[int, int]) -> str:
    """Return the expression for the slots of numbered texts; 0 for those that have none."""
    return f"""arrayMap(
            number -> transform(number, {numbers(plain)}, {numbers(plain.values())}, 0::UInt16),
            names)"""


def first_provider(dialect: Dialect, reading: Reading) -> dict[str, str]:
    """Return the provider as a column for the rules, if one asks for it."""
    if not any(when.providers for when in reading.rules):
        return {}
    found = [reading.text(source) for source in dialect.fields.get("provider", ())]
    return {
        "first_provider": f"arrayFirst(text -> text != '', [{', '.join(found)}]::Array(String))"
    }


def between(column: Collection[str]) -> str:
    """Return the bounds of the slots of neighbouring columns."""
    places = [COLUMNS[name] for name in column]
    return f"{min(places) * RANKS} AND {(max(places) + 1) * RANKS - 1}"


IS_THERE = "pair.1 != 0 AND pair.2 != ''"
# What is no count is not sent where a count is wanted, and so for durations: the next may be one.
IS_SAID = f"""multiIf(
            pair.1 BETWEEN {between(COUNTS)},
            accurateCastOrNull(toFloat64OrNull(pair.2), 'UInt32') IS NOT NULL,
            pair.1 BETWEEN {between(DURATIONS)},
            ifNull(toFloat64OrNull(pair.2) BETWEEN 0 AND {LONGEST_MS}, 0),
            1)"""
# Most of a dialect's sources are not in a span: those are taken out first, which is cheap.
THERE = f"arrayFilter(pair -> {IS_THERE}, arrayZip(slots, found))"
SAID = {"said": f"arraySort(arrayFilter(pair -> {IS_SAID}, {THERE}))"}
# Slots in their order, so that the first text of a column is the one that counts.
SORTED = {
    "columns": f"arrayMap(pair -> toUInt8(intDiv(pair.1, {RANKS})), said)",
    "texts": "said.2",
}
RULES = "never_call, input_said, output_said"


def picked(dialects: Collection[Dialect]) -> dict[str, str]:
    """Return the fields that the meaning is worked out from."""
    found = {"operation_text": in_our_words(dialects)}
    found |= {f"{name}_text": field(name) for name in PICKED_TEXTS}
    for name in PICKED_COUNTS:
        found[f"{name}_count"] = f"accurateCastOrNull({number_of(name)}, 'UInt32')"
    return found


def in_our_words(dialects: Collection[Dialect]) -> str:
    """Return the operation as we call it; '' when there is none, or that it is no inference."""
    pairs = {
        f"{dialect.name}:{theirs}": ours
        for dialect in dialects
        for theirs, ours in dialect.operations.items()
    }
    closed = ("", *(dialect.name for dialect in dialects if not dialect.other_operations))
    named = f"lower({field('operation')})"
    other = f"""if({named} != '' AND span.dialect IN ({texts(closed)}),
            {quote(NO_OPERATION)}, {named})"""
    return f"""transform(
        concat(span.dialect, ':', {named}), {listed(pairs)}, {listed(pairs.values())},
        {other})"""


def listed(names: Iterable[str]) -> str:
    return f"[{', '.join(map(quote, names))}]::Array(String)"


def mean(dialects: Collection[Dialect], columns: Collection[int] = COLUMNS.values()) -> str:
    """Return the query that turns what is in `found`, texts of these columns, into calls."""
    query = "SELECT * FROM found"
    query = around(query, SAID, f"span, {RULES}")
    query = around(query, SORTED, f"span, {RULES}")
    for layer in (picked(dialects), *MEANINGS):
        query = around(query, layer)
    calls = {**CALLS, "uses": uses_of(columns)}
    query = f"SELECT\n    {select(calls)}\nFROM (\n{query}\n)\nWHERE is_call"
    for number in set(COLUMNS.values()).difference(columns):
        query = query.replace(text_of(number), "''")
    return query


BY_NAME = {dialect.name: dialect for dialect in DIALECTS}


@lru_cache(maxsize=512)
def find_known(name: str, present: frozenset[int]) -> Find:
    """As `find`, of a dialect of the table."""
    return find(BY_NAME[name], NAMES, present)


@lru_cache(maxsize=512)
def mean_known(columns: frozenset[int]) -> str:
    """As `mean`, of all dialects of the table."""
    return mean(DIALECTS, columns)


@dataclass(frozen=True, slots=True)
class Found:
    """What dialects found, in the table `found`: `mean` is the query that makes calls of it."""

    dialects: frozenset[str]
    mean: str

    @property
    def normalise(self) -> str:
        """The statement that brings it into calls."""
        return f"INSERT INTO calls ({', '.join(CALLS)})\n{self.mean}"


# Copies of a call collapse when parts are merged, and FINAL hides them until then. To look for some
# in each batch would copy it row by row, which costs as much as working it out.
AS_THEY_COME = WHOLE | {"optimize_on_insert": 0}

FORGET = "DROP TEMPORARY TABLE IF EXISTS found"


@contextmanager
def found(ch: Warehouse, params: Mapping[str, Any]) -> Iterator[Found]:
    """Keep what dialects find in the spans of some segments, if any does.

    The parameters are those of `told`.
    """
    ch.command(FORGET)
    with told(ch, params) as present:
        # A query that makes a table is analysed twice: the shortest one does that.
        finds = sorted(
            (find_known(name, present[name]) for name in BY_NAME.keys() & present.keys()),
            key=lambda one: len(one.query),
        )
        make = "CREATE TEMPORARY TABLE found ENGINE = Memory AS"
        for one in finds:
            ch.command(f"{make}\n{one.query}")
            make = "INSERT INTO found"
    columns = frozenset(column for one in finds for column in one.columns)
    yield Found(frozenset(present), mean_known(columns) if finds else "")
    ch.command(FORGET)

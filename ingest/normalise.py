"""Step two of loading: spans become `calls`, those of all dialects by one statement.

From inside out: each dialect puts what it finds into numbered slots; then, the same for all, the
first text of each column is picked, and what it means is worked out (meaning.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache

from ingest.decode import quote, texts
from ingest.dialects import DIALECTS
from ingest.dialects.operations import NO_OPERATION
from ingest.dialects.table import Dialect, Resource
from ingest.known import SPAN_COLUMNS
from ingest.meaning import CALLS, LONGEST_MS, MEANINGS
from ingest.slots import (
    COLUMNS,
    COUNTS,
    DURATIONS,
    FLAGS,
    NAMES,
    RANKS,
    TEXTS,
    Name,
    sources_of,
)
from ingest.sources import Reading

# What every row brings beside its slots.
CARRIED = (*SPAN_COLUMNS, "tags")


def select(expressions: Mapping[str, str]) -> str:
    return ",\n    ".join(f"{expression} AS {name}" for name, expression in expressions.items())


def around(inner: str, expressions: Mapping[str, str]) -> str:
    """Add columns to a query; each may use those of the query, and none of the others."""
    if not expressions:
        return inner
    return f"SELECT *,\n    {select(expressions)}\nFROM (\n{inner}\n)"


def numbers(values: Iterable[int]) -> str:
    return f"[{', '.join(map(str, values))}]::Array(UInt16)"


def in_slots(dialect: Dialect, names: Mapping[Name, int]) -> str:
    """Return the query that finds what the spans of a dialect say, with the slots it goes to.

    An attribute goes to its first slot by its number. What has to be worked out, or goes to a
    second slot, is an expression.
    """
    reading = Reading(names)
    plain: dict[int, int] = {}
    worked_out: dict[int, str] = {}
    for slot, source in sources_of(dialect):
        if isinstance(source, str | Resource) and names[source] not in plain:
            plain[names[source]] = slot
        else:
            worked_out[slot] = reading.text(source)
    rules = {
        "never_call": reading.any_rule(dialect.never),
        "input_said": reading.any_rule(dialect.exclusive_input),
        "output_said": reading.any_rule(dialect.exclusive_output),
    }
    first = first_provider(dialect, reading)
    held = {reading.rule(when): reading.holds(when) for when in reading.rules}
    query = f"SELECT * FROM told WHERE dialect = {quote(dialect.name)}"  # noqa: S608 (our own)
    for layer in (reading.attributes, first | reading.moments, held):
        query = around(query, layer)
    slots = f"""arrayConcat(
        arrayMap(
            number -> transform(number, {numbers(plain)}, {numbers(plain.values())}, 0::UInt16),
            names),
        {numbers(worked_out)})"""
    found = f"arrayConcat(texts, [{', '.join(worked_out.values())}]::Array(String))"
    columns = rules | {
        "slots": slots,
        "found": found,
    }
    return f"SELECT {', '.join(CARRIED)},\n    {select(columns)}\nFROM (\n{query}\n)"


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


# What is no count is not sent where a count is wanted, and so for durations: the next may be one.
IS_SAID = f"""slot != 0 AND text != '' AND multiIf(
            slot BETWEEN {between(COUNTS)},
            accurateCastOrNull(toFloat64OrNull(text), 'UInt32') IS NOT NULL,
            slot BETWEEN {between(DURATIONS)},
            ifNull(toFloat64OrNull(text) BETWEEN 0 AND {LONGEST_MS}, 0),
            1)"""
SAID = {
    "said_slots": f"arrayFilter((slot, text) -> {IS_SAID}, slots, found)",
    "said_texts": f"arrayFilter((text, slot) -> {IS_SAID}, found, slots)",
}
SORTED = {
    "columns": f"arrayMap(slot -> toUInt8(intDiv(slot, {RANKS})), arraySort(said_slots))",
    "sorted_texts": "arraySort((text, slot) -> slot, said_texts, said_slots)",
}


def pick(column: str) -> str:
    """Return the first text of a column, or ''."""
    return f"sorted_texts[indexOf(columns, {COLUMNS[column]})]"


def picked() -> dict[str, str]:
    """Return the fields of a call as they were sent, in their types."""
    found = {f"{name}_text": pick(name) for name in (*TEXTS, *FLAGS) if name != "operation"}
    found["operation_sent"] = pick("operation")
    for name in COUNTS:
        found[f"{name}_count"] = f"accurateCastOrNull(toFloat64OrNull({pick(name)}), 'UInt32')"
    for name in (*DURATIONS, "score"):
        found[f"{name}_number"] = f"toFloat64OrNull({pick(name)})"
    found["attempt_number"] = f"accurateCastOrNull(toFloat64OrNull({pick('attempt')}), 'UInt16')"
    return found


def in_our_words(dialects: Collection[Dialect]) -> dict[str, str]:
    """Return the operation as we call it; '' when there is none, or that it is no inference."""
    pairs = {
        f"{dialect.name}:{theirs}": ours
        for dialect in dialects
        for theirs, ours in dialect.operations.items()
    }
    closed = ["", *(dialect.name for dialect in dialects if not dialect.other_operations)]
    named = "lower(operation_sent)"
    other = f"if(operation_sent != '' AND dialect IN ({texts(tuple(closed))}), "
    other += f"{quote(NO_OPERATION)}, {named})"
    return {
        "operation_text": f"""transform(
        concat(dialect, ':', {named}), {listed(pairs)}, {listed(pairs.values())}, {other})"""
    }


def listed(names: Iterable[str]) -> str:
    return f"[{', '.join(map(quote, names))}]::Array(String)"


def normalise(dialects: Sequence[Dialect], names: Mapping[Name, int] = NAMES) -> str:
    """Return the query that turns what is in `told` of these dialects, one at least, into calls."""
    found = "\nUNION ALL\n".join(in_slots(dialect, names) for dialect in dialects)
    for layer in (SAID, SORTED, picked(), in_our_words(dialects), *MEANINGS):
        found = around(found, layer)
    return f"SELECT {', '.join(CALLS.values())}\nFROM (\n{found}\n)\nWHERE is_call"


def query(names: Collection[str]) -> str:
    """Return the query for what is in `told` of the dialects of these names."""
    return query_for(frozenset(names))


@cache
def query_for(names: frozenset[str]) -> str:
    return normalise([dialect for dialect in DIALECTS if dialect.name in names])


def statement(names: Collection[str]) -> str:
    """Return the statement that writes what that query finds."""
    return f"INSERT INTO calls ({', '.join(CALLS)})\n{query(names)}"

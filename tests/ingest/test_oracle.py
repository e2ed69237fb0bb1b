"""The statements and a plain Python loop make the same rows of the same requests."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from finops.clickhouse.client import Warehouse
from ingest.admission import admit
from ingest.dialects import DIALECTS
from ingest.dialects.table import (
    Dialect,
    Digits,
    Json,
    Only,
    Rest,
    Seconds,
    Since,
    Source,
    Sum,
    Unlike,
)
from ingest.meaning import CALLS
from ingest.record import Stamp, encode
from ingest.segments import SEALED, name_segment
from tests.ingest.loading import RECEIVED_AT_MS, load_all
from tests.ingest.oracle import rows_of
from tests.ingest.payloads import START_NS, Span, request
from tests.recordings import replay as recordings

Row = dict[str, Any]
Key = tuple[int, str, str]

IDS = ("trace_id", "span_id", "parent_span_id")

NUMBERS = count()
SPANS, EXAMPLES = 60, 3


def compare(ch: Warehouse, folder: Path, bodies: Sequence[bytes]) -> int:
    """Load requests, each for a workspace of its own, and compare; returns how many rows."""
    name = name_segment(RECEIVED_AT_MS * 10**6 + next(NUMBERS))
    records, expected = [], []
    for number, body in enumerate(bodies):
        admission = admit(body)
        stamp = Stamp(number, number, RECEIVED_AT_MS, admission.spans)
        records.append(encode(admission.body, stamp))
        expected += [
            row | {column: row[column].hex().upper() for column in IDS}
            for row in rows_of(admission.body, stamp, name)
        ]
    (folder / (name + SEALED)).write_bytes(b"".join(records))
    load_all(ch, folder)
    chosen = ", ".join(
        f"hex({column}) AS {column}" if column in IDS else column for column in CALLS
    )
    found = ch.query(f"SELECT {chosen} FROM calls WHERE segment = {{name:String}}", {"name": name})
    wanted = by_key(expected)
    got = by_key(found)
    assert got.keys() == wanted.keys()
    differ = {
        (column, repr(row[column]), repr(wanted[key][column]), wanted[key]["dialect"])
        for key, row in got.items()
        for column in CALLS
        if not same(row[column], wanted[key][column])
    }
    assert differ == set()
    assert len(found) == len(expected)
    return len(found)


def by_key(rows: Sequence[Row]) -> dict[Key, Row]:
    return {(row["workspace_id"], row["trace_id"], row["span_id"]): row for row in rows}


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-3)
    return bool(one == other)


def test_on_every_recorded_request(ch: Warehouse, tmp_path: Path) -> None:
    names = recordings.names()
    bodies = [body for name in names for body in recordings.read(name).bodies()]
    assert compare(ch, tmp_path, bodies) >= len(names) // 2


def names_of(source: Source) -> list[str]:
    """The attributes that a source reads."""
    match source:
        case str():
            return [source]
        case Only(_, inner):
            return names_of(inner)
        case Sum(parts):
            return [name for part in parts for name in names_of(part)]
        case Rest(whole, parts):
            return [name for part in (whole, *parts) for name in names_of(part)]
        case _:
            return [source.name] if hasattr(source, "name") else []


WORDS = ["chat", "LLM", "error", "true", "0", "text_completion", "invoke_agent", "none", "429"]
NUMERALS = ["12", "12.0", "1e3", "+7", ".5", "5.", "-1", "nan", "inf", " 3", "1_0", "4294967296"]
DAMAGED = ["{", "[", '["stop"]', '["a/b", 1]', "null", '"x"', '{"a": NaN}', "[1.0, 2]", "[] ü"]
MOMENTS = ["2026-02-30T00:00:00Z", '"2026-01-01T00:00:00.25+01:00"', str(START_NS + 10**9)]
TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
TOKENS = st.integers(0, 300)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**40) | st.floats(0, 1e6) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
VALUES = st.one_of(
    TOKENS,
    TOKENS.map(str),
    TOKENS.map(float),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.booleans(),
    TEXT,
    st.sampled_from(WORDS + NUMERALS + DAMAGED + MOMENTS),
    st.lists(TEXT, max_size=2),
    st.binary(max_size=3),
)


def plain(sources: Iterable[Source]) -> Iterator[Source]:
    """The sources within sources."""
    for source in sources:
        match source:
            case Only(_, inner):
                yield from plain([inner])
            case Unlike(one, other):
                yield from plain([one, other])
            case Sum(parts):
                yield from plain(parts)
            case Rest(whole, parts):
                yield from plain([whole, *parts])
            case _:
                yield source


def values_of(source: Source) -> dict[str, st.SearchStrategy[Any]]:
    """An attribute that a source reads, and what it may hold, well or badly."""
    match source:
        case str():
            return {source: VALUES}
        case Json(name, path):
            return {name: st.one_of(inside(path), inside(path), VALUES)}
        case Digits(name, path):
            return {name: TOKENS.map(lambda count: str(nested(path, count))) | VALUES}
        case Seconds(name) | Since(name):
            return {name: VALUES}
        case _:
            return {}


def nested(path: tuple[str, ...], count: Any) -> dict[str, Any]:
    """A dict with a count at the end of a path, among others."""
    inner: Any = count
    for step in reversed(path):
        inner = {"other": 7, step: inner}
    return {"first": {path[-1]: 9}, **inner} if len(path) > 1 else dict(inner)


def inside(path: tuple[str | int, ...]) -> st.SearchStrategy[str]:
    """JSON with something at the end of a path."""

    def wrap(value: Any) -> str:
        for step in reversed(path):
            value = {step: value} if isinstance(step, str) else [None] * (step - 1) + [value]
        return json.dumps(value)

    return (JSON | TOKENS).map(wrap)


def spans_of(dialect: Dialect) -> st.SearchStrategy[Span]:
    """Spans that may speak a dialect; each holds some of what the table reads."""
    sources = [source for found in dialect.fields.values() for source in plain(found)]
    choices = [one for source in sources for one in values_of(source).items()]
    pair = st.sampled_from(choices).flatmap(lambda one: st.tuples(st.just(one[0]), one[1]))
    counted = [name for name in dialect.fields if name.endswith(("_total", "read", "reasoning"))]
    usage = [s for name in counted for s in dialect.fields[name] if isinstance(s, str)]
    counts = st.dictionaries(st.sampled_from(usage or ["none"]), TOKENS, max_size=6)
    marks = dict.fromkeys(dialect.keys, "LLM")
    return st.builds(
        lambda pairs, counts, name, end_ns, status, message: Span(
            marks | dict(pairs) | counts,
            name=name,
            end_ns=end_ns,
            status=status,
            status_message=message,
        ),
        st.lists(pair, max_size=12),
        counts,
        st.sampled_from(["chat", "raw_gen_ai_request", "ai.generateText", ""]),
        st.integers(START_NS - 10**9, START_NS + 10**10) | st.just(2**64 - 1),
        st.integers(0, 2),
        st.sampled_from(["", "Rate limit", "timed out", "Request aborted"]),
    )


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_on_spans_that_no_sender_would_send(
    dialect: Dialect, ch: Warehouse, tmp_path: Path
) -> None:
    """One long example: what differs is then looked for by hand, rows being told apart by ids."""
    scopes = [scope.replace("*", "x") for scope in dialect.scopes] or ["test"]
    many = st.lists(spans_of(dialect), min_size=SPANS, max_size=SPANS)

    @settings(
        phases=[Phase.generate],
        max_examples=EXAMPLES,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(many, st.sampled_from(scopes))
    def check(spans: list[Span], scope: str) -> None:
        numbered = [
            replace(span, span_id=number.to_bytes(8, "big")) for number, span in enumerate(spans, 1)
        ]
        compare(ch, tmp_path, [request(*numbered, scope=scope)])

    check()

"""The words of the dialect table, each in a dialect made for the test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from finops.clickhouse.client import Params, Warehouse
from ingest.dialects.table import (
    Const,
    Dialect,
    Digits,
    Json,
    Only,
    Rest,
    Scope,
    Since,
    Source,
    Sources,
    SpanName,
    Sum,
    Unlike,
    When,
)
from ingest.known import told
from ingest.meaning import CALLS
from ingest.normalise import find, mean
from ingest.slots import number
from tests.ingest.loading import NOW, calls, take
from tests.ingest.payloads import START_NS, Span, Values, request

FIELDS: dict[str, Sources] = {
    "model_requested": ("gen_ai.request.model",),
    "provider": ("gen_ai.system",),
    "input_total": ("in",),
    "output_total": ("out",),
    "total_tokens": ("all",),
    "cache_read": ("cached",),
    "reasoning": ("thought",),
}
USAGE: dict[str, Any] = {
    "gen_ai.request.model": "m",
    "in": 100,
    "out": 50,
    "cached": 30,
    "thought": 20,
}
INCLUSIVE = (70, 30, 30, 20)


def receive(
    ch: Warehouse, folder: Path, *given: Values | Span, scope: str = "test"
) -> dict[str, Any]:
    """Store spans; returns the parameters of a statement that reads them."""
    spans = [span if isinstance(span, Span) else Span(span) for span in given]
    numbered = (
        Span(**(vars(span) | {"span_id": number.to_bytes(8, "big")}))
        for number, span in enumerate(spans, 1)
    )
    take(ch, folder, request(*numbered, scope=scope))
    segments = [row["segment"] for row in ch.query("SELECT DISTINCT segment FROM spans")]
    return {"segments": segments, "since": NOW.replace(year=NOW.year - 1)}


def become(ch: Warehouse, dialect: Dialect, received: Params) -> list[dict[str, Any]]:
    """The calls that spans become in a dialect that takes the place of gen_ai."""
    ch.command("TRUNCATE TABLE calls")
    names = number([dialect])
    with told(ch, received, names):
        ch.command(f"CREATE TEMPORARY TABLE found AS {find(dialect, names).query}")
    ch.command(f"INSERT INTO calls ({', '.join(CALLS)})\n{mean([dialect])}")
    ch.command("DROP TEMPORARY TABLE found")
    return calls(ch)


def read(
    ch: Warehouse, folder: Path, dialect: Dialect, *given: Values | Span
) -> list[dict[str, Any]]:
    return become(ch, dialect, receive(ch, folder, *given))


def made(**changes: Any) -> Dialect:
    return Dialect(**({"name": "gen_ai", "fields": FIELDS} | changes))


def reading(column: str, *sources: Source) -> Dialect:
    return made(fields=FIELDS | {column: sources})


def buckets(row: Mapping[str, Any]) -> tuple[int | None, ...]:
    names = ("input_tokens", "cache_read_tokens", "output_tokens", "reasoning_tokens")
    return tuple(row[name] for name in names)


def test_json_leads_inwards_through_names_and_places(ch: Warehouse, tmp_path: Path) -> None:
    dialect = reading("input_total", Json("usage", "parts", 2, "tokens"))
    texts = ['{"parts": [{}, {"tokens": 7}]}', '{"parts": [{"tokens": 7}]}', '{"parts": 3', "[]"]
    given = [{"gen_ai.request.model": "m", "usage": text} for text in texts]
    assert [row["input_tokens"] for row in read(ch, tmp_path, dialect, *given)] == [
        7,
        None,
        None,
        None,
    ]


def test_digits_are_found_in_json_and_in_a_dict_as_python_prints_it(
    ch: Warehouse, tmp_path: Path
) -> None:
    dialect = reading("cache_read", Digits("details", "cache_read"))
    texts = [
        '{"audio": 1, "cache_read": 12}',
        "{'cache_read': 12, 'audio': 1}",
        "{'cache_read': '12'}",
        "{'cache_read': None}",
        "{'cache_read': -12}",
        "{'ephemeral_cache_read': 12}",
    ]
    given = [{"gen_ai.request.model": "m", "in": 20, "details": text} for text in texts]
    found = [row["cache_read_tokens"] for row in read(ch, tmp_path, dialect, *given)]
    assert found == [12, 12, 12, None, None, None]


def test_a_sum_holds_what_was_sent_of_it(ch: Warehouse, tmp_path: Path) -> None:
    dialect = reading("input_total", Sum("a", "b", Json("c", "n")))
    given: list[dict[str, Any]] = [
        {"a": 1, "b": "2", "c": '{"n": 3}'},
        {"a": 1, "b": "many"},
        {"a": 0},
        {"b": -1},
        {"a": 2**32 - 1, "b": 1},
    ]
    found = read(ch, tmp_path, dialect, *({"gen_ai.request.model": "m"} | g for g in given))
    assert [row["input_tokens"] for row in found] == [6, 1, 0, None, None]


def test_a_rest_is_what_others_leave(ch: Warehouse, tmp_path: Path) -> None:
    dialect = reading("reasoning", Rest("all", "in", "out"))
    totals = [210, 150, 140, "n/a"]
    found = read(ch, tmp_path, dialect, *(USAGE | {"all": total} for total in totals))
    assert [row["reasoning_tokens"] for row in found] == [60, None, None, None]
    assert [row["output_tokens"] for row in found] == [50, 50, 50, 50]


def test_a_source_may_be_read_on_some_spans_only(ch: Warehouse, tmp_path: Path) -> None:
    named = When(names=("raw*",))
    fields = {
        "input_total": (Only(named, "raw.in"), "in"),
        "ttft_ms": (Only(named, "first"),),
        "agent": (Only(named, "who"),),
    }
    given = USAGE | {"raw.in": 500, "first": 7, "who": "me"}
    spans = [Span(given, name=name) for name in ("raw call", "call")]
    found = read(ch, tmp_path, made(fields=FIELDS | fields), *spans)
    assert [(row["input_tokens"], row["ttft_ms"], row["agent"]) for row in found] == [
        (470, 7.0, "me"),
        (70, None, ""),
    ]


def test_a_source_that_only_repeats_another_says_nothing(ch: Warehouse, tmp_path: Path) -> None:
    dialect = reading("model_served", Unlike("served", "group"), "other")
    texts = ["gpt", "gpt-2024", ""]
    given = [USAGE | {"group": "gpt", "served": text, "other": "o"} for text in texts]
    found = read(ch, tmp_path, dialect, *given)
    assert [row["model_served"] for row in found] == ["o", "gpt-2024", "o"]


def test_the_name_and_the_scope_of_a_span_are_read_by_patterns(
    ch: Warehouse, tmp_path: Path
) -> None:
    fields = {
        "agent": (SpanName(r"^plan (.+)$"),),
        "team": (Scope(r"^te(\w+)"),),
        "feature": (Scope(),),
    }
    spans = [Span(USAGE, name="plan a trip"), Span(USAGE, name="plan")]
    found = read(ch, tmp_path, made(fields=FIELDS | fields), *spans)
    assert [(row["agent"], row["team"], row["feature"]) for row in found] == [
        ("a trip", "st", "test"),
        ("", "st", "test"),
    ]


def test_a_time_is_counted_from_the_start_of_the_span(ch: Warehouse, tmp_path: Path) -> None:
    dialect = reading("ttft_ms", Since("first"))
    first_s = START_NS // 10**9 + 2
    iso = NOW.fromtimestamp(first_s, NOW.tzinfo).strftime("%Y-%m-%dT%H:%M:%S")
    sent: list[tuple[Any, float | None]] = [
        (first_s, 2000.0),
        (first_s + 0.25, 2250.0),
        (first_s * 10**3, 2000.0),
        (first_s * 10**6, 2000.0),
        (first_s * 10**9, 2000.0),
        (f"{iso}Z", 2000.0),
        (f'"{iso}.5Z"', 2500.0),
        (f"{iso}.125000+00:00", 2125.0),
        (f"{iso.replace('T', ' ')}", 2000.0),
        (first_s - 10, None),
        ("soon", None),
        ("", None),
    ]
    found = read(
        ch, tmp_path, dialect, *({"gen_ai.system": "x", "first": s} | USAGE for s, _ in sent)
    )
    assert [row["ttft_ms"] for row in found] == [
        None if expected is None else pytest.approx(expected, abs=0.01) for _, expected in sent
    ]


def test_the_name_of_the_span_and_what_all_mean(ch: Warehouse, tmp_path: Path) -> None:
    dialect = made(
        fields=FIELDS | {"agent": (SpanName(),), "provider": ("gen_ai.system", Const("openai"))}
    )
    spans = [Span(USAGE, name="plan a trip"), Span(USAGE | {"gen_ai.system": "Groq"})]
    found = read(ch, tmp_path, dialect, *spans)
    assert [(row["agent"], row["provider"]) for row in found] == [
        ("plan a trip", "openai"),
        ("chat", "groq"),
    ]


RULES: list[tuple[When, bool]] = [
    (When(), True),
    (When(scopes=("other", "te*")), True),
    (When(scopes=("tes",)), False),
    (When(names=("chat",)), True),
    (When(names=("chat*", "x")), True),
    (When(names=("cha",)), False),
    (When(providers=("anthropic",)), True),
    (When(providers=("openai",)), False),
    (When(keys=("flag",)), True),
    (When(keys=("no", "cached")), True),
    (When(keys=("no",)), False),
    (When(values={"in": ("100", "7")}), True),
    (When(values={"in": ("7",)}), False),
    (When(providers=("anthropic",), names=("x",)), False),
]


def test_a_rule_is_about_spans_for_which_all_of_it_holds(ch: Warehouse, tmp_path: Path) -> None:
    span = USAGE | {"gen_ai.system": "Anthropic", "flag": ""}
    received = receive(ch, tmp_path, span)
    for when, holds in RULES:
        rules = (When(names=("y",)), when)
        (row,) = become(ch, made(exclusive_input=rules), received)
        assert buckets(row) == ((100, 30, 30, 20) if holds else INCLUSIVE), when
        assert row["usage_flag"] == ""


def test_what_never_calls_is_no_call_whatever_it_carries(ch: Warehouse, tmp_path: Path) -> None:
    dialect = made(never=(When(names=("raw", "y*")),))
    found = read(ch, tmp_path, dialect, *(Span(USAGE, name=name) for name in ("raw", "x", "yes")))
    assert len(found) == 1


def test_exclusive_output_keeps_its_total(ch: Warehouse, tmp_path: Path) -> None:
    (row,) = read(ch, tmp_path, made(exclusive_output=(When(),)), USAGE | {"thought": 70})
    assert (buckets(row), row["usage_flag"]) == ((70, 30, 50, 70), "")


SUMS: list[tuple[dict[str, Any], tuple[int, ...]]] = [
    ({"all": 150}, INCLUSIVE),
    ({"all": 180}, (100, 30, 30, 20)),
    ({"all": 170}, (70, 30, 50, 20)),
    ({"all": 200}, (100, 30, 50, 20)),
    ({"all": "200"}, (100, 30, 50, 20)),
    ({"all": 199}, INCLUSIVE),
    ({"all": 180, "thought": 30}, (70, 30, 20, 30)),
    ({"all": 210, "thought": 30}, (100, 30, 50, 30)),
]


def test_the_senders_own_sum_tells_what_its_totals_hold(ch: Warehouse, tmp_path: Path) -> None:
    found = read(ch, tmp_path, made(), *(USAGE | given for given, _ in SUMS))
    assert [buckets(row) for row in found] == [expected for _, expected in SUMS]
    assert {row["usage_flag"] for row in found} == {""}


def test_a_sum_says_what_a_rule_leaves_open(ch: Warehouse, tmp_path: Path) -> None:
    dialect = made(exclusive_input=(When(),))
    found = read(ch, tmp_path, dialect, USAGE | {"all": 200}, USAGE | {"all": 150})
    assert [buckets(row) for row in found] == [(100, 30, 50, 20), (100, 30, 30, 20)]

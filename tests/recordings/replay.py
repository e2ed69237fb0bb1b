"""Recordings as tests use them: read from their files, their times shifted, sent again."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.recordings.otlp_json import Json, spans_of, to_protobuf

HERE = Path(__file__).parent
# Recorded spans are brought to a minute ago: tables forget what is old.
BEFORE_NOW_S = 60
DAY_NS = 24 * 3600 * 10**9
TIME = re.compile(r'^"?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|\+00:00)?"?$')
# How many digits a number of nanoseconds, microseconds, milliseconds since 1970 has.
UNITS = {19: 1, 16: 10**3, 13: 10**6}


@dataclass(frozen=True)
class Recording:
    """One file; `name` is its path below this folder."""

    name: str
    bill: list[Json]
    requests: list[Json]
    calls: list[Json]
    counted: list[str]
    unknowable: str

    def bodies(self) -> list[bytes]:
        """The requests in the order of their arrival."""
        return [to_protobuf(request) for request in shifted(self.requests)]

    def single_spans(self) -> list[bytes]:
        """Each span in a request of its own, the last one first."""
        alone = [one for request in shifted(self.requests) for one in split(request)]
        return [to_protobuf(request) for request in reversed(alone)]


def names() -> list[str]:
    """All recordings there are."""
    return sorted(str(path.relative_to(HERE)) for path in HERE.glob("*/*.json"))


def read(name: str) -> Recording:
    given = json.loads((HERE / name).read_text())
    members = ("bill", "requests", "calls", "counted", "unknowable")
    return Recording(name, *(given[member] for member in members))


def split(request: Json) -> Iterator[Json]:
    """One request for each span, with its resource and scope."""
    for resource in request.get("resourceSpans", ()):
        for scope in resource.get("scopeSpans", ()):
            for span in scope.get("spans", ()):
                alone = {**resource, "scopeSpans": [{**scope, "spans": [span]}]}
                yield {"resourceSpans": [alone]}


def shifted(requests: list[Json]) -> list[Json]:
    """Move all times so that the first span begins a minute ago."""
    starts = [int(span["startTimeUnixNano"]) for one in requests for span in spans_of(one)]
    first = min(starts, default=0)
    by_ns = time.time_ns() - BEFORE_NOW_S * 10**9 - first
    by_ns -= by_ns % 10**6
    return [shift(request, first, by_ns) for request in requests]


def shift(value: Any, first: int, by_ns: int, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: shift(inner, first, by_ns, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [shift(inner, first, by_ns, key) for inner in value]
    if key.endswith("UnixNano"):
        return str(int(value) + by_ns)
    return shift_text(value, first, by_ns) if isinstance(value, str) else value


def shift_text(text: str, first: int, by_ns: int) -> str:
    """Move a time that an attribute holds, as a date or as a number since 1970."""
    unit = UNITS.get(len(text)) if text.isdigit() else None
    if unit and abs(int(text) * unit - first) < DAY_NS:
        return str(int(text) + by_ns // unit)
    if not TIME.match(text):
        return text
    moment = datetime.fromisoformat(text.strip('"')) + timedelta(microseconds=by_ns // 1000)
    written = moment.replace(tzinfo=UTC).isoformat(timespec="microseconds")
    return f'"{written}"' if text.startswith('"') else written


# What a row is compared without: it differs by run, or follows from the span (see the test).
LEFT_OUT = {
    "workspace_id",
    "span",
    "trace_id",
    "span_id",
    "parent_span_id",
    "started_at",
    "duration_ms",
    "segment",
    "received_at",
}
DEFAULTS: Mapping[str, Any] = {
    "attempt": 0,
    "cache_hit": 0,
    "cache_layer": "none",
    "prompt_hash": 0,
    "answer_hash": 0,
}


def as_expected(row: Mapping[str, Any]) -> Json:
    """A row of `calls` in the way that recordings write it; `span` is its id in hex."""
    found = {"span_id": row["span"]}
    for column, value in row.items():
        default = DEFAULTS.get(column)
        if column in LEFT_OUT or value == default or value in ("", None, [], {}):
            continue
        found[column] = (value.rpartition("@")[0] or value) if column == "emitter" else value
    return found

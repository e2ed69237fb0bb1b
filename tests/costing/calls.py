"""Calls for tests: insert_calls(ch, [{...}]) fills in what a test doesn't care about."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from finops.clickhouse.client import Warehouse

WORKSPACE = 1
START = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)

DEFAULTS: dict[str, Any] = {
    "workspace_id": WORKSPACE,
    "tenant": "acme",
    "user_id": "",
    "team": "",
    "feature": "",
    "environment": "",
    "agent": "",
    "service": "shop",
    "emitter": "inferledger@0.1.0",
    "action_id": "",
    "action_name": "",
    "request_id": "",
    "attempt": 0,
    "response_id": "",
    "operation": "chat",
    "provider": "openai",
    "model_requested": "",
    "model_served": "gpt-4o",
    "region": "",
    "service_tier": "",
    "duration_ms": 1000.0,
    "queue_ms": None,
    "ttft_ms": None,
    "input_tokens": 1000,
    "cache_read_tokens": None,
    "cache_write_5m_tokens": None,
    "cache_write_1h_tokens": None,
    "output_tokens": 100,
    "reasoning_tokens": None,
    "audio_in_tokens": None,
    "audio_out_tokens": None,
    "image_in_tokens": None,
    "image_out_tokens": None,
    "uses": {},
    "outcome": "ok",
    "success": None,
    "cache_layer": "none",
    "cache_hit": 0,
    "prompt_hash": 0,
}
_numbers = count(1)


def trace(name: str) -> str:
    """The trace id that a test calls `name`: 16 bytes, which the driver takes as plain text."""
    return hashlib.sha256(f"trace {name}".encode()).hexdigest()[:16]


def span(name: str) -> str:
    """The span id that a test calls `name`: 8 bytes, as plain text."""
    return hashlib.sha256(f"span {name}".encode()).hexdigest()[:8]


def complete(call: Mapping[str, Any], position: int, segment: str) -> dict[str, Any]:
    """Fill a call in; `trace`, `span` and `parent` are names, and by default its own."""
    given = dict(call)
    name = str(given.pop("span", next(_numbers)))
    parent = given.pop("parent", None)
    return {
        **DEFAULTS,
        "trace_id": trace(str(given.pop("trace", name))),
        "span_id": span(name),
        "parent_span_id": span(parent) if parent is not None else "",
        "started_at": START + timedelta(seconds=position),
        "segment": segment,
        "received_at": START,
        **given,
    }


def insert_calls(
    ch: Warehouse, calls: Sequence[Mapping[str, Any]], *, segment: str = ""
) -> list[dict[str, Any]]:
    """Insert calls as one new segment that waits for the charge job; returns the whole rows.

    A call is a dict of columns of the table `calls`; `trace`, `span` and `parent` may be any short
    names instead of ids. What isn't given is a successful gpt-4o call of tenant acme in
    workspace 1, with 1000 tokens in and 100 out, a trace of its own, a
    second after the call before it.
    """
    name = segment or f"segment-{next(_numbers):08}"
    rows = [complete(call, position, name) for position, call in enumerate(calls)]
    if rows:
        ch.insert("calls", {column: [row[column] for row in rows] for column in rows[0]})
    add_segment(ch, name, len(rows))
    return rows


def add_segment(ch: Warehouse, name: str, calls: int) -> None:
    """Put a segment on the work list of the charge job, as the loader does."""
    ch.insert(
        "segments",
        {
            "segment": [name],
            "spans": [calls],
            "calls": [calls],
            "loaded_at": [datetime.now(UTC)],
            "charged": [0],
            "charged_at": [START],
            "version": [0],
        },
    )

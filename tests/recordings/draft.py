"""A first draft of a recording's expected rows, made from the bill and never from our mapping."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from tests.recordings.otlp_json import Json, spans_of

BUCKETS = (
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "output",
    "reasoning",
    "audio_in",
    "audio_out",
    "image_in",
)
OUTCOMES = {0: "timeout", 200: "ok", 408: "timeout", 429: "rate_limited", 504: "timeout"}


def draft(bill: list[Json], requests: list[Json]) -> list[Json]:
    """Return a row for each span that names the response, or a count, of an entry of the bill.

    What failed has neither: it gets the spans with an error, in order. A person decides which of
    the rows are right, and which of them repeat one another.
    """
    spans = [span for request in requests for span in spans_of(request)]
    rows: list[Json] = []
    failed = iter(
        [span for span in spans if span.get("status", {}).get("code") in (2, "STATUS_CODE_ERROR")]
    )
    for entry in bill:
        if entry.get("status") == 200:
            rows += [row_of(entry, span) for span in spans if tells_of(span, entry)]
        elif (span := next(failed, None)) is not None:
            rows.append(row_of(entry, span))
    return rows


def tells_of(span: Json, entry: Json) -> bool:
    if entry["response_id"] and entry["response_id"] in json.dumps(span):
        return True
    counts = {value for key in ("input", "output") if (value := entry[key])}
    return bool(counts & numbers_of(span))


def numbers_of(span: Json) -> set[int]:
    found: set[int] = set()
    for attribute in span.get("attributes", ()):
        value: Any = attribute["value"]
        number = value.get("intValue", value.get("doubleValue"))
        if number is not None:
            found.add(int(number))
    return found


def row_of(entry: Json, span: Json) -> Json:
    """What the bill says of a call, by the names of the columns; what is default is left out."""
    row = {
        "span_id": span["spanId"],
        "operation": "chat" if entry["output"] or entry["status"] != 200 else "embeddings",
        "provider": entry["provider"],
        "model_requested": entry["asked"],
        "model_served": entry["model"],
        "response_id": entry["response_id"],
        "service_tier": entry["service_tier"],
        "stream": int(entry["stream"]) or None,
        "outcome": OUTCOMES.get(entry["status"], "error"),
        "usage_source": "provider" if entry["input"] is not None else "missing",
        **{f"{bucket}_tokens": entry[bucket] for bucket in BUCKETS},
    }
    return {name: value for name, value in row.items() if value not in (None, "")}


def tokens(rows: list[Json], suffix: str) -> Counter[tuple[int, ...]]:
    """How often each combination of tokens occurs; rows without any tell nothing."""
    found = (tuple(row.get(bucket + suffix) or 0 for bucket in BUCKETS) for row in rows)
    return Counter(counts for counts in found if any(counts))

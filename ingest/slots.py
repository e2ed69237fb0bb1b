"""Numbers for what the dialect table names, so that statements compare numbers instead of texts.

An attribute that the table reads has a number, the same for all dialects. A slot is a place in a
dialect's list of sources: the number of the column and the rank of the source. The lower the slot
the sooner its source counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from finops.pricing.rate import USES
from ingest.dialects import DIALECTS
from ingest.dialects.table import (
    Dialect,
    Digits,
    Json,
    Only,
    Resource,
    Rest,
    Seconds,
    Since,
    Source,
    Sum,
    Unlike,
    When,
)

TEXTS = (
    "tenant",
    "user_id",
    "team",
    "feature",
    "environment",
    "service",
    "session_id",
    "prompt_name",
    "prompt_version",
    "agent",
    "action_id",
    "action_name",
    "request_id",
    "response_id",
    "operation",
    "provider",
    "model_requested",
    "model_served",
    "region",
    "service_tier",
    "finish_reason",
    "error_type",
    "http_status",
    "outcome",
    "usage_source",
    "cache_layer",
    "prompt_hash",
    "answer_hash",
)
FLAGS = ("stream", "success", "cache_hit")
NUMBERS = ("score", "attempt")
COUNTS = (
    "input_total",
    "output_total",
    "total_tokens",
    "cache_read",
    "cache_write",
    "cache_write_1h",
    "reasoning",
    "audio_in",
    "audio_cache_read",
    "audio_out",
    "image_in",
    "image_cache_read",
    "image_out",
    "max_output_tokens",
    *(f"used_{use}" for use in USES),
)
DURATIONS = ("ttft_ms", "queue_ms", "timeout_ms")
COLUMNS = {
    column: number
    for number, column in enumerate((*TEXTS, *FLAGS, *NUMBERS, *COUNTS, *DURATIONS), 1)
}
RANKS = 128

# An attribute of the span, or one of its resource.
Name = str | Resource


def slot_of(column: str, rank: int) -> int:
    if rank >= RANKS:
        raise ValueError(f"{column} has more than {RANKS} sources")
    return COLUMNS[column] * RANKS + rank


def sources_of(dialect: Dialect) -> Iterator[tuple[int, Source]]:
    """Yield every source of a dialect with its slot."""
    for column, sources in dialect.fields.items():
        for rank, source in enumerate(sources):
            yield slot_of(column, rank), source


def rules_of(dialect: Dialect) -> Iterator[When]:
    """Yield the rules of a dialect, those of its sources included."""
    yield from (*dialect.never, *dialect.exclusive_input, *dialect.exclusive_output)
    for _, source in sources_of(dialect):
        yield from (part.when for part in parts_of(source) if isinstance(part, Only))


def parts_of(source: Source) -> Iterator[Source]:
    """Yield a source and those within it."""
    yield source
    match source:
        case Only(_, inner):
            yield from parts_of(inner)
        case Unlike(one, other):
            yield from (*parts_of(one), *parts_of(other))
        case Sum(sources):
            for part in sources:
                yield from parts_of(part)
        case Rest(total, sources):
            for part in (total, *sources):
                yield from parts_of(part)


def names_in(source: Source) -> Iterator[Name]:
    """Yield what a source reads of a span or its resource."""
    for part in parts_of(source):
        match part:
            case str() | Resource():
                yield part
            case Seconds(name) | Since(name) | Json(name) | Digits(name):
                yield name


def names_of(dialect: Dialect) -> Iterator[Name]:
    """Yield all that a dialect reads; names may come more than once."""
    for _, source in sources_of(dialect):
        yield from names_in(source)
    for when in rules_of(dialect):
        yield from (*when.keys, *when.lacks, *when.values)


def number(dialects: Iterable[Dialect]) -> Mapping[Name, int]:
    """Number all that dialects read, from 1."""
    names = dict.fromkeys(name for dialect in dialects for name in names_of(dialect))
    return {name: place for place, name in enumerate(names, 1)}


NAMES = number(DIALECTS)

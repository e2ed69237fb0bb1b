"""A dialect made ready for the oracle, and which dialect a span speaks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from ingest.dialects import DIALECTS
from ingest.dialects.operations import NO_OPERATION
from ingest.dialects.table import Dialect
from tests.ingest.oracle.sources import (
    Count,
    Duration,
    Sent,
    Text,
    one_of,
    reads_count,
    reads_duration,
    reads_rule,
    reads_text,
)
from tests.ingest.oracle.values import lower

TEXTS = (
    *("tenant", "user_id", "team", "feature", "environment", "service", "session_id"),
    *("prompt_name", "prompt_version", "agent", "action_id", "action_name", "request_id"),
    *("response_id", "operation", "provider", "model_requested", "model_served", "region"),
    *("service_tier", "finish_reason", "error_type", "http_status", "outcome", "usage_source"),
    *("cache_layer", "prompt_hash", "answer_hash", "stream", "success", "cache_hit", "score"),
    "attempt",
)
COUNTS = (
    *("input_total", "output_total", "total_tokens", "cache_read", "cache_write"),
    *("cache_write_1h", "reasoning", "audio_in", "audio_cache_read", "audio_out", "image_in"),
    *("image_cache_read", "max_output_tokens"),
)
DURATIONS = ("ttft_ms", "queue_ms", "timeout_ms")

Number = TypeVar("Number", int, float)


def first_text(readers: Sequence[Text]) -> Text:
    if len(readers) == 1:
        return readers[0]

    def read(sent: Sent) -> str:
        for reader in readers:
            if text := reader(sent):
                return text
        return ""

    return read


def first_name(names: Sequence[str]) -> Text:
    """The same for attributes only."""

    def read(sent: Sent) -> str:
        get = sent.attributes.get
        for name in names:
            if text := get(name):
                return text
        return ""

    return read


def first_number(
    readers: Sequence[Callable[[Sent], Number | None]],
) -> Callable[[Sent], Number | None]:
    if len(readers) == 1:
        return readers[0]

    def read(sent: Sent) -> Number | None:
        for reader in readers:
            if (number := reader(sent)) is not None:
                return number
        return None

    return read


class Speech:
    """What a dialect needs, worked out once."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.texts = [(name, self.text(name)) for name in TEXTS if name in dialect.fields]
        self.provider: Text = dict(self.texts).get("provider", lambda _: "")
        self.counts: list[tuple[str, Count]] = [
            (name, first_number([reads_count(source) for source in dialect.fields[name]]))
            for name in COUNTS
            if name in dialect.fields
        ]
        self.durations: list[tuple[str, Duration]] = [
            (name, first_number([reads_duration(source) for source in dialect.fields[name]]))
            for name in DURATIONS
            if name in dialect.fields
        ]
        self.never = [reads_rule(when) for when in dialect.never]
        self.exclusive_input = [reads_rule(when) for when in dialect.exclusive_input]
        self.exclusive_output = [reads_rule(when) for when in dialect.exclusive_output]

    def text(self, column: str) -> Text:
        sources = self.dialect.fields[column]
        names = [source for source in sources if isinstance(source, str)]
        if len(names) == len(sources):
            return first_name(names)
        return first_text([reads_text(source) for source in sources])

    def operation(self, text: str) -> str:
        """The operation in our words."""
        named = lower(text)
        if named in self.dialect.operations:
            return self.dialect.operations[named]
        return named if self.dialect.other_operations or not named else NO_OPERATION


SPEECHES = {dialect.name: Speech(dialect) for dialect in DIALECTS}


def detect(scope: str, keys: Iterable[str]) -> str:
    """Return the name of the first dialect that a span speaks, or ''."""
    given = tuple(keys)
    for dialect in DIALECTS:
        if (
            one_of(scope, dialect.scopes)
            or any(key in given for key in dialect.keys)
            or any(key.startswith(dialect.prefixes) for key in given)
        ):
            return dialect.name
    return ""

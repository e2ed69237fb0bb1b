"""A dialect made ready for the oracle, and which dialect a span speaks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from finops.pricing.rate import USES
from ingest.dialects import DIALECTS
from ingest.dialects.operations import NO_OPERATION
from ingest.dialects.table import Dialect, Source
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
from tests.ingest.oracle.values import count_of, lower

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
    *("image_cache_read", "image_out", "max_output_tokens"),
    *(f"used_{use}" for use in USES),
)
DURATIONS = ("ttft_ms", "queue_ms", "timeout_ms")


def first_text(sources: Sequence[Source]) -> Text:
    """Return what reads the first text; most sources are attributes, which need no call."""
    readers = [one if isinstance(one, str) else reads_text(one) for one in sources]

    def read(sent: Sent) -> str:
        get = sent.attributes.get
        for reader in readers:
            text = get(reader) if isinstance(reader, str) else reader(sent)
            if text:
                return text
        return ""

    return read


def first_count(sources: Sequence[Source]) -> Count:
    """The same for what is a count."""
    readers = [one if isinstance(one, str) else reads_count(one) for one in sources]

    def read(sent: Sent) -> int | None:
        get = sent.attributes.get
        for reader in readers:
            if isinstance(reader, str):
                text = get(reader)
                count = count_of(text) if text else None
            else:
                count = reader(sent)
            if count is not None:
                return count
        return None

    return read


def first_duration(sources: Sequence[Source]) -> Duration:
    readers = [reads_duration(one) for one in sources]

    def read(sent: Sent) -> float | None:
        for reader in readers:
            if (number := reader(sent)) is not None:
                return number
        return None

    return read


class Speech:
    """What a dialect needs, worked out once."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        fields = dialect.fields
        self.texts = [(name, first_text(fields[name])) for name in TEXTS if name in fields]
        self.provider: Text = dict(self.texts).get("provider", lambda _: "")
        self.counts = [(name, first_count(fields[name])) for name in COUNTS if name in fields]
        self.durations = [
            (name, first_duration(fields[name])) for name in DURATIONS if name in fields
        ]
        self.never = [reads_rule(when) for when in dialect.never]
        self.exclusive_input = [reads_rule(when) for when in dialect.exclusive_input]
        self.exclusive_output = [reads_rule(when) for when in dialect.exclusive_output]

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

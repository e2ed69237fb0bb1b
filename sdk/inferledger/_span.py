"""A finished call, as it waits to be sent, and its identifiers.

The caller's thread only fills this tuple; the sender's thread turns it into OpenTelemetry's
objects. A ledger counts every call, so no sampler decides here, and identifiers come from the
system, which neither a seeded `random` nor a fork can repeat.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import NamedTuple

from inferledger._facts import Attributes

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Span(NamedTuple):
    """One call as it is sent; times in nanoseconds since 1970 in UTC, parent 0 when it has none."""

    name: str
    trace_id: int
    span_id: int
    parent_span_id: int
    started_ns: int
    ended_ns: int
    failed: bool
    attributes: Attributes


class Ids:
    """Random identifiers of 64 bits."""

    def draw(self) -> int:
        """A new identifier, never 0."""
        return int.from_bytes(os.urandom(8), "big") or 1


def nanoseconds(moment: datetime) -> int:
    """Exact nanoseconds since 1970 of an aware time."""
    since = moment - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000


def current_parent() -> tuple[int, int]:
    """Trace and span of the OpenTelemetry span that is current, (0, 0) when there is none."""
    # `init` has imported it; at the top it would be most of what importing this package costs.
    from opentelemetry import trace  # noqa: PLC0415

    context = trace.get_current_span().get_span_context()
    return (context.trace_id, context.span_id) if context.is_valid else (0, 0)

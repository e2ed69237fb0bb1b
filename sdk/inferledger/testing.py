"""Test your instrumentation without a network: exact calls, a clock that you set, counted ids.

    from inferledger.testing import capture

    with capture() as captured:
        answer_ticket()
    assert captured.calls[0]["attributes"]["finops.tenant.id"] == "acme"

Under pytest the fixture `inferledger_capture` is the same, for one test.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TypedDict

from inferledger._facts import Attributes, wire
from inferledger._hash import hash_key
from inferledger._recorder import Recorder, install
from inferledger._span import Span, nanoseconds

__all__ = ["Captured", "CapturedCall", "Clock", "capture"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_START = datetime(2026, 1, 1, tzinfo=UTC)


class CapturedCall(TypedDict):
    """One recorded call, with identifiers in hexadecimal as they would be sent."""

    name: str
    trace_id: str
    span_id: str
    parent_span_id: str | None
    started_at: datetime
    duration_ms: float
    failed: bool
    attributes: Attributes


class Clock:
    """Time that stands still at 2026-01-01 00:00 UTC until it is moved."""

    def __init__(self) -> None:
        self._ns = nanoseconds(_START)

    def advance(self, ms: float) -> None:
        """Let milliseconds pass."""
        self._ns += round(ms * 1_000_000)

    def wall_ns(self) -> int:
        """Nanoseconds since 1970."""
        return self._ns

    ticks_ns = wall_ns


class _CountedIds:
    """1, 2, 3 …"""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def draw(self) -> int:
        return next(self._numbers)


class Captured:
    """The calls recorded so far, in the order in which they were sent, and the clock they read."""

    def __init__(self) -> None:
        self.clock = Clock()
        self._spans: list[Span] = []

    @property
    def calls(self) -> list[CapturedCall]:
        """Each call as a plain dict."""
        return [_plain(span) for span in self._spans]

    def take(self, span: Span) -> None:
        """Keep a finished call."""
        self._spans.append(span)


@contextmanager
def capture(*, tenant: str | None = None, team: str | None = None) -> Iterator[Captured]:
    """Collect every call of this process in a list while the block lasts; nothing is sent."""
    captured = Captured()
    before = install(
        Recorder(
            take=captured.take,
            defaults=wire({"tenant": tenant, "team": team}),
            hash_key=hash_key("testing"),
            clock=captured.clock,
            ids=_CountedIds(),
        )
    )
    try:
        yield captured
    finally:
        install(before)


def _plain(span: Span) -> CapturedCall:
    return {
        "name": span.name,
        "trace_id": f"{span.trace_id:032x}",
        "span_id": f"{span.span_id:016x}",
        "parent_span_id": f"{span.parent_span_id:016x}" if span.parent_span_id else None,
        "started_at": _EPOCH + timedelta(microseconds=span.started_ns // 1000),
        "duration_ms": (span.ended_ns - span.started_ns) / 1_000_000,
        "failed": span.failed,
        "attributes": dict(span.attributes),
    }

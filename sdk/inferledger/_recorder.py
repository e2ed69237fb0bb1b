"""Where finished calls go: nowhere, to the collector, or into a test's list."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from inferledger._facts import Attributes
from inferledger._log import say_once
from inferledger._span import Ids, Span


class Clock(Protocol):
    """Tells the time of day and measures spans of time."""

    def wall_ns(self) -> int:
        """Nanoseconds since 1970 in UTC."""

    def ticks_ns(self) -> int:
        """A count of nanoseconds that never goes back."""


class SystemClock:
    """The machine's clock: starts are read from the calendar, durations from the steady counter."""

    wall_ns = staticmethod(time.time_ns)
    ticks_ns = staticmethod(time.perf_counter_ns)


class Drawer(Protocol):
    """Draws identifiers."""

    def draw(self) -> int:
        """A new identifier of 64 bits, never 0."""


@dataclass(frozen=True, slots=True)
class Recorder:
    """Takes finished calls, and holds what all of them share."""

    take: Callable[[Span], None]
    defaults: Attributes = field(default_factory=dict)
    hash_key: bytes = b""
    clock: Clock = field(default_factory=SystemClock)
    ids: Drawer = field(default_factory=Ids)


_current: Recorder | None = None


def current() -> Recorder | None:
    """The recorder in use; None while nothing is recorded, which is said once."""
    if _current is None:
        say_once("off", "init() was not called, so calls are not recorded")
    return _current


def install(recorder: Recorder | None) -> Recorder | None:
    """Put a recorder in use and return the one before."""
    global _current
    before, _current = _current, recorder
    return before

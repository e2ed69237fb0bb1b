"""What will happen when, besides arrivals and ends of steps."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush


class Timeline:
    """Actions by time; those of one time in the order in which they became known."""

    def __init__(self) -> None:
        self._events: list[tuple[int, int, Callable[[int], None]]] = []
        self._known = 0

    def __len__(self) -> int:
        return len(self._events)

    def at(self, time: int, action: Callable[[int], None]) -> None:
        """Call `action` with the time at which it happens: `time`, or now if that has passed."""
        self._known += 1
        heappush(self._events, (time, self._known, action))

    def next_time(self) -> int | None:
        """When the next action is due."""
        return self._events[0][0] if self._events else None

    def happen(self, now: int) -> None:
        """Do all that is due, also what that brings at once."""
        while self._events and self._events[0][0] <= now:
            heappop(self._events)[2](now)

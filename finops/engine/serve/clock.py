"""Time for a live engine: what is read and what is waited for, in integer picoseconds."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time and lets it pass."""

    def now_ps(self) -> int:
        """Picoseconds that never go back, from any start."""

    def wait_ps(self, duration_ps: int) -> None:
        """Return when so much time has passed; at once for less than 1."""

    def wall(self) -> datetime:
        """The time of day, aware."""


class SystemClock:
    """The machine's own clock."""

    def now_ps(self) -> int:
        return time.monotonic_ns() * 1_000

    def wait_ps(self, duration_ps: int) -> None:
        if duration_ps > 0:
            time.sleep(duration_ps * 1e-12)

    def wall(self) -> datetime:
        return datetime.now(UTC)

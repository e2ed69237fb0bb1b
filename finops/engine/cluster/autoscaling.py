"""How many replicas a group should have: a target, and how fast it may be followed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import ceil, inf

from finops.engine.errors import InvalidPolicy


class Signal(StrEnum):
    """What is held near the target: see Scaling."""

    WAITING = "waiting"
    REQUESTS = "requests"
    UTILISATION = "utilisation"
    TTFT = "ttft"


@dataclass(frozen=True)
class Scaling:
    """Every `every_ps` the group is brought to replicas × signal ÷ target, rounded up.

    That is the rule of Kubernetes' horizontal autoscaler. The signal is, for each replica, how many
    requests wait or how many it has in all (waiting and running), now; or over the last `window_ps`
    the share of time in steps (0 to 1; near 1 for any load with continuous batching), or the
    `percentile` of seconds to first token. Those that no replica has taken yet count too.

    A new replica takes requests `start_ps` after it was ordered (machine, weights, warm-up). More
    are ordered at once, but only one at a time is let go, and that `cooldown_ps` after the last
    change or later: it takes no new requests, and stops when it has none. With a `minimum` of 0 the
    last one goes too, if it has no requests; the next request then orders one and waits.

    Nobody waits at replicas that just keep up, so on that signal they are let go although busy.
    """

    signal: Signal
    target: float
    minimum: int = 1
    maximum: int = 8
    start_ps: int = 60 * 10**12
    every_ps: int = 10 * 10**12
    window_ps: int = 60 * 10**12
    cooldown_ps: int = 300 * 10**12
    percentile: float = 95.0

    def __post_init__(self) -> None:
        if not 0 < self.target < inf:
            raise InvalidPolicy("The target of a scaling must be above 0.")
        if not 0 <= self.minimum <= self.maximum or self.maximum < 1:
            raise InvalidPolicy("A scaling needs 0 ≤ minimum ≤ maximum and a maximum of 1 or more.")
        if min(self.every_ps, self.window_ps) < 1 or min(self.start_ps, self.cooldown_ps) < 0:
            raise InvalidPolicy("The times of a scaling must be positive.")
        if not 0 <= self.percentile <= 100:
            raise InvalidPolicy("The percentile of a scaling must be from 0 to 100.")

    def desired(self, replicas: int, value: float | None) -> int:
        """Replicas for a signal of `value` each at `replicas` of them; None: nothing was seen."""
        wanted = 0 if value is None else ceil(max(1, replicas) * value / self.target - 1e-9)
        return min(self.maximum, max(self.minimum, wanted))

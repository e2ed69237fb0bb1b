"""Which user a request is for and which action it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from random import Random

from finops.demo.profiles import Client

LONGEST_GAP_S = 60.0


@dataclass(slots=True)
class Open:
    """An action that still waits for calls, and when (seconds before the end) its last one came."""

    number: int
    user_id: str
    left: int
    before_end_s: float


@dataclass
class Actions:
    """Joins consecutive requests of a client's feature into actions of a drawn length.

    An action ends early when no request comes for a minute.
    """

    numbers: Iterator[int] = field(default_factory=count)
    open: dict[tuple[str, str], Open] = field(default_factory=dict)

    def number(self) -> int:
        """The number of a new action."""
        return next(self.numbers)

    def next(self, client: Client, before_end_s: float, rng: Random) -> tuple[int, str]:
        """Return the action and the user of the client's next request."""
        key = (client.tenant, client.feature)
        current = self.open.get(key)
        if (
            current is None
            or current.left == 0
            or current.before_end_s - before_end_s > LONGEST_GAP_S
        ):
            current = Open(self.number(), draw_user(client, rng), draw_length(client, rng), 0.0)
            self.open[key] = current
        current.left -= 1
        current.before_end_s = before_end_s
        return current.number, current.user_id


def draw_user(client: Client, rng: Random) -> str:
    """A user of the client; the first ones are the busiest, since few users make most calls."""
    return f"{client.tenant or 'internal'}-u{int(client.users * rng.random() ** 2):03d}"


def draw_length(client: Client, rng: Random) -> int:
    """Calls in an action: geometric, with the client's mean."""
    length = 1
    while rng.random() >= 1 / client.calls_per_action:
        length += 1
    return length

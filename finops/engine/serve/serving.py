"""A request while it is served, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Rows
from dataclasses import dataclass, field
from typing import Literal, Protocol

from finops.engine.sampling import Sampling
from finops.engine.scheduler import Step
from finops.engine.sequence import Sequence
from finops.engine.serve.text_stream import TextStream

End = Literal["stop", "length", "cancelled", "timeout", "error", "oom"]
ANSWERED: tuple[End, ...] = ("stop", "length")


@dataclass(eq=False, slots=True)
class Serving:
    """A request while it is served. Times are the clock's picoseconds, -1 for not yet.

    `computed` prompt tokens are those whose keys and values were found or computed: what a request
    that was cut off has used.
    """

    seq: Sequence
    prompt: Rows[int]
    sampling: Sampling
    text: TextStream
    ends: frozenset[int] = frozenset()
    tokens: list[int] = field(default_factory=list)
    computed: int = 0
    last: int = -1
    finish: int = -1
    end: End | None = None
    queued: bool = True


@dataclass(frozen=True, slots=True)
class Piece:
    """Text that may be sent now, and why the answer is over, if it is."""

    serving: Serving
    text: str
    end: End | None = None


Deliver = Callable[[list[Piece]], None]


class Watch(Protocol):
    """Who counts what happens."""

    def stepped(self, step: Step, begin: int, end: int, emitted: list[Serving]) -> None:
        """A step was done; `emitted` got a token each, and their `last` is still the one before."""

    def ended(self, serving: Serving) -> None:
        """A request is over, however it ended."""

"""A request on its way through the scheduler."""

from __future__ import annotations

from enum import IntEnum


class State(IntEnum):
    """Where a sequence is; from FINISHED on it is over."""

    WAITING = 0
    RUNNING = 1
    FINISHED = 2
    TIMED_OUT = 3
    REJECTED = 4
    CANCELLED = 5  # its client went away
    NOT_SENT = 6  # a next turn whose client had gone away before


class Sequence:
    """Tokens that are known (`total`) and tokens whose keys and values are stored (`computed`).

    A step computes tokens until `computed` reaches `total`; then the sequence emits one token, and
    `total` grows by it. That one rule is prefill, decode, chunks, hits of the prefix cache and the
    recompute after a preemption. `order` sorts the queue, and its reverse chooses who is preempted.
    """

    __slots__ = (
        "admission",
        "arrival",
        "base",
        "blocks",
        "cached",
        "computed",
        "cut_as",
        "deadline",
        "finish_at",
        "first",
        "generated",
        "hashes",
        "index",
        "klass",
        "order",
        "preemptions",
        "prompt",
        "published",
        "scheduled",
        "state",
        "target",
        "total",
    )

    def __init__(
        self,
        index: int,
        arrival: int,
        prompt: int,
        target: int,
        *,
        klass: int = 0,
        deadline: int | None = None,
        hashes: tuple[int, ...] = (),
    ) -> None:
        self.index = index
        self.arrival = arrival
        self.prompt = prompt
        self.target = target
        self.klass = klass
        self.deadline = deadline
        self.cut_as = State.TIMED_OUT  # its state if it is cut off at its deadline
        self.hashes = hashes
        self.order: tuple[int, int] = (arrival, 0)
        self.state = State.WAITING
        self.total = prompt
        self.computed = 0
        self.generated = 0
        self.blocks: list[int] = []
        self.published = 0
        self.scheduled = -1
        self.first = -1
        self.cached = 0
        self.preemptions = 0
        self.admission = 0
        # Used by the fast path only: computed = decode steps so far - base; done at finish_at.
        self.base = 0
        self.finish_at = 0

    @property
    def longest(self) -> int:
        """Tokens whose keys and values are stored just before it finishes."""
        return self.prompt + self.target - 1

    def __repr__(self) -> str:
        return f"Sequence({self.index}, {self.state.name}, {self.computed}/{self.total})"

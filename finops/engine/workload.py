"""What arrives: requests as rows, kept as columns."""

from __future__ import annotations

from collections.abc import Sequence as Rows
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finops.engine.errors import InvalidWorkload

Column = NDArray[np.int64]
WORD = 2**64 - 1


@dataclass(frozen=True)
class Request:
    """One request. Times are picoseconds, lengths tokens.

    `hashes` is the hash chain of its blocks, of the prompt and, where known, of the answer.
    `timeout_ps` is how long its client waits for the end. With `after`, the index of an earlier
    row, it comes `arrival_ps` after that one has ended: the next turn after think time, or a closed
    loop. `cancel_ps` after its first attempt came, its client goes away: it is cut off then and not
    tried again, and its next turns are never sent.
    """

    arrival_ps: int
    prompt: int
    output: int
    klass: int = 0
    timeout_ps: int | None = None
    hashes: tuple[int, ...] = ()
    after: int | None = None
    cancel_ps: int | None = None


@dataclass(frozen=True)
class Retry:
    """What a client does after a timeout or a rejection: try again, later each time.

    The wait is backoff_ps × 2^(attempt−1), plus up to `jitter` of it (0 to 1), drawn by `seed`.
    """

    attempts: int = 1
    backoff_ps: int = 10**12
    jitter: float = 0.0
    seed: int = 0

    def wait_ps(self, index: int, attempt: int) -> int:
        """Picoseconds after failed attempt number `attempt` (from 1) of request `index`."""
        wait = self.backoff_ps << (attempt - 1)
        if not self.jitter:
            return wait
        return wait + int(wait * self.jitter * draw(self.seed, index, attempt))


def draw(seed: int, index: int, attempt: int) -> float:
    """A number from 0 to below 1 that only these three decide: SplitMix64's mix of their sum.

    Integers alone make it, so compiled code draws the very same (Steele et al., OOPSLA 2014).
    """
    mixed = seed * 0x9E3779B97F4A7C15 + index * 0xD1342543DE82EF95 + attempt * 0xAF251AF3B0F025B5
    mixed &= WORD
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 & WORD
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB & WORD
    return ((mixed ^ (mixed >> 31)) >> 11) / 2**53


@dataclass(frozen=True)
class Workload:
    """Requests as columns; rows that don't follow another are sorted by arrival.

    `timeout_ps` and `cancel_ps` are 0 for a client that waits for ever; `after` is −1 for none.
    """

    arrival_ps: Column
    prompt: Column
    output: Column
    klass: Column
    timeout_ps: Column
    after: Column
    hashes: Rows[tuple[int, ...]] | None = None
    retry: Retry = Retry()
    cancel_ps: Column | None = None

    def __post_init__(self) -> None:
        size = len(self.arrival_ps)
        waits = [self.timeout_ps] if self.cancel_ps is None else [self.timeout_ps, self.cancel_ps]
        others = (self.prompt, self.output, self.klass, self.after, *waits)
        if any(len(column) != size for column in others):
            raise InvalidWorkload("The columns of a workload must have the same length.")
        if size and (self.prompt.min() < 1 or self.output.min() < 1):
            raise InvalidWorkload("Every request needs at least one prompt and one output token.")
        if size and any(column.min() < 0 for column in (self.arrival_ps, *waits)):
            raise InvalidWorkload("Arrivals, timeouts and cancels must not be negative.")
        if bool((self.after >= np.arange(size)).any()):
            raise InvalidWorkload("A request can only follow one of an earlier row.")
        if bool((np.diff(self.arrival_ps[self.after < 0]) < 0).any()):
            raise InvalidWorkload("Requests must be sorted by arrival.")

    def __len__(self) -> int:
        return len(self.arrival_ps)

    @property
    def has_ends(self) -> bool:
        """Whether any client gives up or goes away."""
        cancels = self.cancel_ps is not None and bool(self.cancel_ps.any())
        return cancels or bool(self.timeout_ps.any())

    @classmethod
    def of(cls, requests: Rows[Request], retry: Retry | None = None) -> Workload:
        """Columns of the rows, in their order."""

        def column(values: list[int]) -> Column:
            return np.array(values, np.int64)

        return cls(
            arrival_ps=column([request.arrival_ps for request in requests]),
            prompt=column([request.prompt for request in requests]),
            output=column([request.output for request in requests]),
            klass=column([request.klass for request in requests]),
            timeout_ps=column([request.timeout_ps or 0 for request in requests]),
            after=column([-1 if row.after is None else row.after for row in requests]),
            hashes=[row.hashes for row in requests] if any(r.hashes for r in requests) else None,
            retry=retry or Retry(),
            cancel_ps=column([row.cancel_ps or 0 for row in requests])
            if any(row.cancel_ps for row in requests)
            else None,
        )

    @classmethod
    def of_columns(cls, arrival_ps: Column, prompt: Column, output: Column) -> Workload:
        """Plain requests: one class, no timeouts, no prefixes."""
        zeros = np.zeros(len(arrival_ps), np.int64)
        return cls(arrival_ps, prompt, output, zeros, zeros, zeros - 1)


def closed_loop(prompt: Column, output: Column, clients: int) -> Workload:
    """So many clients, each sending its next request when its last is answered."""
    size = len(prompt)
    zeros = np.zeros(size, np.int64)
    after = np.maximum(np.arange(size) - clients, -1)
    return Workload(zeros, prompt, output, zeros, zeros, after)

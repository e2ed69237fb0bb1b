"""What arrives: requests as rows, kept as columns."""

from __future__ import annotations

from collections.abc import Sequence as Rows
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finops.engine.errors import InvalidWorkload

Column = NDArray[np.int64]


@dataclass(frozen=True)
class Request:
    """One request. Times are picoseconds, lengths tokens.

    `hashes` is the hash chain of its blocks, of the prompt and, where known, of the answer.
    `timeout_ps` is how long its client waits for the end. With `after`, the index of an earlier
    row, it comes `arrival_ps` after that one has ended: the next turn after think time, or a closed
    loop.
    """

    arrival_ps: int
    prompt: int
    output: int
    klass: int = 0
    timeout_ps: int | None = None
    hashes: tuple[int, ...] = ()
    after: int | None = None


@dataclass(frozen=True)
class Retry:
    """What a client does after a timeout or a rejection: try again, later each time.

    The wait is backoff_ps × 2^(attempt−1), plus up to `jitter` of it (0 to 1), drawn from `seed`.
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
        draw = np.random.default_rng((self.seed, index, attempt)).random()
        return wait + int(wait * self.jitter * draw)


@dataclass(frozen=True)
class Workload:
    """Requests as columns; rows that don't follow another are sorted by arrival.

    `timeout_ps` is 0 for a client that waits for ever; `after` is −1 for none.
    """

    arrival_ps: Column
    prompt: Column
    output: Column
    klass: Column
    timeout_ps: Column
    after: Column
    hashes: Rows[tuple[int, ...]] | None = None
    retry: Retry = Retry()

    def __post_init__(self) -> None:
        size = len(self.arrival_ps)
        if any(len(column) != size for column in (self.prompt, self.output, self.after)):
            raise InvalidWorkload("The columns of a workload must have the same length.")
        if size and (self.prompt.min() < 1 or self.output.min() < 1):
            raise InvalidWorkload("Every request needs at least one prompt and one output token.")
        if size and (self.arrival_ps.min() < 0 or self.timeout_ps.min() < 0):
            raise InvalidWorkload("Arrivals and timeouts must not be negative.")
        if bool((self.after >= np.arange(size)).any()):
            raise InvalidWorkload("A request can only follow one of an earlier row.")
        if bool((np.diff(self.arrival_ps[self.after < 0]) < 0).any()):
            raise InvalidWorkload("Requests must be sorted by arrival.")

    def __len__(self) -> int:
        return len(self.arrival_ps)

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

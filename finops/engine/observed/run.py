"""What a real engine was seen to do: every request with its lengths and its times."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from finops.engine.errors import EngineError
from finops.engine.policy import Policy
from finops.engine.result import Floats, Result
from finops.engine.workload import Column, Workload

Mask = NDArray[np.bool_]

LONGEST_S = 50 * 86_400.0  # two such times still are whole picoseconds of 63 bits


class InvalidRun(EngineError):
    """A file of a recorded run that can't be read as one."""

    code = "invalid_run"


class SeenBy(StrEnum):
    """Where the clock stood: in the engine, or at the client, behind front end and network."""

    ENGINE = "engine"
    CLIENT = "client"


@dataclass(frozen=True)
class Setup:
    """How an engine was started.

    `ranks` replicas step together, each with its own queue; with `expert_parallel` they share the
    experts of a mixture. With `overlap` a step is put together while the one before it still runs
    (vLLM's asynchronous scheduling): who comes or ends during a step counts one step later.

    Reading keys and values takes `mixed_kv` times as long in a step that computes prompts too:
    kernels for both at once may read them for every head of a group anew (FlashAttention 2 does).
    """

    model: str = ""
    engine: str = ""
    max_seqs: int = 256
    max_tokens: int = 8192
    block_size: int = 16
    memory_share: float = 0.9
    max_model_len: int | None = None
    tp: int = 1
    ranks: int = 1
    expert_parallel: bool = False
    prefix_cache: bool = True
    overlap: bool = False
    mixed_kv: float = 1.0

    @property
    def plain(self) -> bool:
        """Whether the engine's loop is the plain one."""
        return self.ranks == 1 and not self.overlap and self.mixed_kv == 1.0

    def policy(self, blocks: int) -> Policy:
        """The scheduler's settings for so many blocks of KV cache a rank."""
        return Policy(
            blocks,
            block_size=self.block_size,
            max_seqs=self.max_seqs,
            max_tokens=max(self.max_tokens, self.max_seqs),
            prefix_cache=self.prefix_cache,
            max_model_len=self.max_model_len,
        )


@dataclass(frozen=True)
class Times:
    """When each request came, was scheduled, got its first token and its last: ps, −1 for never."""

    arrival_ps: Column
    scheduled_ps: Column
    first_ps: Column
    finish_ps: Column
    output: Column

    @classmethod
    def of(cls, result: Result, delay_ps: int = 0) -> Times:
        """Those of a simulation; a client sees each token `delay_ps` later than the engine."""
        done = result.finished

        def seen(column: Column, delay: int) -> Column:
            return np.where(done & (column >= 0), column + delay, -1)

        return cls(
            result.arrival_ps,
            seen(result.scheduled_ps, 0),
            seen(result.first_ps, delay_ps),
            seen(result.finish_ps, delay_ps),
            result.output,
        )

    def series(self) -> dict[str, Floats]:
        """Seconds of ttft, tpot, e2e and queue by request; NaN where it is not known."""
        first, finish, start = self.first_ps, self.finish_ps, self.arrival_ps
        answer = between(first, finish)
        tokens = np.where(self.output > 1, self.output - 1.0, np.nan)
        return {
            "ttft": between(start, first),
            "tpot": answer / tokens,
            "e2e": between(start, finish),
            "queue": between(start, self.scheduled_ps),
        }


def between(start: Column, end: Column) -> Floats:
    """Seconds from start to end; NaN where either never happened."""
    known = (start >= 0) & (end >= 0)
    return np.where(known, (end - start) / 1e12, np.nan)


@dataclass(frozen=True)
class Run:
    """A workload as it came and its measured times, in rows sorted by arrival.

    Arrivals are the recorded ones: an open loop, whatever made the requests come when they came.
    """

    workload: Workload
    times: Times
    setup: Setup = Setup()
    seen_by: SeenBy = SeenBy.CLIENT
    source: str = ""

    def __len__(self) -> int:
        return len(self.workload)

    def first_half(self) -> Mask:
        """The earlier half of the requests by arrival, the odd one included."""
        return np.arange(len(self)) < (len(self) + 1) // 2


def picoseconds(seconds: Floats) -> Column:
    """Seconds as whole picoseconds; NaN as −1, never. Raises InvalidRun for more than a run."""
    known = ~np.isnan(seconds)
    if np.abs(seconds[known]).max(initial=0.0) > LONGEST_S:
        raise InvalidRun(
            f"The run takes longer than {LONGEST_S / 86_400:.0f} days: are its times in seconds?"
        )
    return np.where(known, np.rint(np.where(known, seconds, 0.0) * 1e12), -1).astype(np.int64)


@dataclass(frozen=True)
class Calls:
    """What is known of each request, as columns in any order; NaN for what wasn't measured.

    Arrivals are seconds on any clock, the others seconds from the arrival. Where only the number of
    `cached` prompt tokens is known, these are left out of the prompt: their computation is saved as
    it was, while the time to read them is missing. With `hashes` the prefix cache decides itself.
    """

    arrival_s: Floats
    prompt: Column
    output: Column
    ttft_s: Floats
    e2e_s: Floats
    queue_s: Floats | None = None
    cached: Column | None = None
    hashes: list[tuple[int, ...]] | None = None


def run_of(
    calls: Calls, setup: Setup | None = None, seen_by: SeenBy = SeenBy.CLIENT, source: str = ""
) -> Run:
    """A run of these calls.

    Raises InvalidRun for none and for times of many days, InvalidWorkload for lengths below 1.
    """
    if not len(calls.arrival_s):
        raise InvalidRun("The run has no request that succeeded: there is nothing to replay.")
    order = np.argsort(calls.arrival_s, kind="stable")
    start = picoseconds(calls.arrival_s[order] - calls.arrival_s[order[0]])
    prompt = calls.prompt
    if calls.cached is not None and calls.hashes is None:
        prompt = np.maximum(1, prompt - calls.cached)
    lengths, answers = (column[order].astype(np.int64) for column in (prompt, calls.output))

    def after(wait: Floats | None) -> Column:
        if wait is None:
            return np.full(len(order), -1, np.int64)
        return np.where(np.isnan(wait[order]), -1, start + picoseconds(wait[order]))

    zeros = np.zeros(len(order), np.int64)
    chains = None if calls.hashes is None else [calls.hashes[at] for at in order.tolist()]
    return Run(
        Workload(start, lengths, answers, zeros, zeros, zeros - 1, chains),
        Times(start, after(calls.queue_s), after(calls.ttft_s), after(calls.e2e_s), answers),
        setup or Setup(),
        seen_by,
        source,
    )

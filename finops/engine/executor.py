"""What the scheduler needs to know of whoever computes its steps."""

from __future__ import annotations

from collections.abc import Sequence as Rows
from typing import Protocol

from finops.engine.sampling import Sampling
from finops.engine.scheduler import Step
from finops.engine.sequence import Sequence


class StepTime(Protocol):
    """How long a step takes, in integer picoseconds.

    step = fixed_ps(tokens, rows) + kv_ps × KV tokens read + pair_ps × pairs of tokens attended to
    in chunks. For a fixed batch that is affine in the KV tokens, so that k equal decode steps have
    a closed form. Integers make it the same number as the sum of the k steps.
    """

    @property
    def kv_ps(self) -> int:
        """Picoseconds for each token whose keys and values a step reads."""

    @property
    def pair_ps(self) -> int:
        """Picoseconds for each pair of tokens in a chunk's attention."""

    def fixed_ps(self, tokens: int, rows: int) -> int:
        """Picoseconds of a step that computes `tokens` tokens for `rows` sequences; above 0."""


def step_ps(time: StepTime, tokens: int, rows: int, kv: int, pairs: int) -> int:
    """Picoseconds of a step of these sizes: see Step.sizes."""
    return time.fixed_ps(tokens, rows) + time.kv_ps * kv + time.pair_ps * pairs


class LinearStepTime:
    """A step time by four numbers: for tests, and where nothing else is known."""

    def __init__(
        self, step_ps: int, token_ps: int = 0, row_ps: int = 0, kv_ps: int = 0, pair_ps: int = 0
    ) -> None:
        self.step_ps, self.token_ps, self.row_ps = step_ps, token_ps, row_ps
        self.kv_ps, self.pair_ps = kv_ps, pair_ps

    def fixed_ps(self, tokens: int, rows: int) -> int:
        return self.step_ps + self.token_ps * tokens + self.row_ps * rows


class Executor(Protocol):
    """Who really computes the steps of a `Scheduler`, or behaves as if.

    For each step: `schedule`, then `execute`, then `apply`. To end a sequence early, as after a
    stop token, set `seq.target = seq.generated + 1` before `apply`.
    """

    def start(self, seq: Sequence, prompt: Rows[int], sampling: Sampling) -> None:
        """Take in the tokens of a new request, `seq.prompt` of them, before its first step."""

    def execute(self, step: Step) -> dict[int, int]:
        """Compute a step: by `seq.index` the token of each sequence that catches up in it.

        `seq.blocks` are its blocks of the paged cache. After a preemption a sequence computes its
        prompt and what it has generated again: so the executor keeps the tokens it returned.
        """

    def end(self, seq: Sequence) -> None:
        """Forget a sequence that is over: finished, cut off or cancelled."""

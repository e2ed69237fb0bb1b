"""Data parallelism in lockstep: ranks with queues and memory of their own that step together.

So vLLM serves a mixture of experts with data-parallel attention and expert parallelism: the experts
are spread over all ranks, so no rank can step alone. Each step lasts as long as the slowest rank's;
a rank without work runs a dummy step of one token while another has some. A request goes to the
rank with the least 4 × waiting + running (vLLM's DPLBAsyncMPClient), the first of equals.

Left out: vLLM's ranks learn each other's load up to 100 ms late and go on with dummy steps for up
to 32 steps after the last request; here both are at once.
"""

from __future__ import annotations

from finops.engine.cluster.replica import Replica
from finops.engine.executor import StepTime, step_ps
from finops.engine.policy import Policy
from finops.engine.sequence import Sequence

DUMMY = (1, 1, 0, 0)  # sizes of a step of one token that reads nothing


class Lockstep:
    """Several ranks that look like one replica; always simulated step by step."""

    def __init__(
        self, index: int, group: int, policy: Policy, step_time: StepTime, size: int
    ) -> None:
        self.index = index
        self.group = group
        self.ranks: tuple[Replica, ...] = tuple(
            Replica(index + rank, group, policy, step_time, fast=False, heed=False)
            for rank in range(size)
        )
        self.step_time = step_time
        self.in_step = False
        self.end = 0
        self.busy_ps = 0
        self.finished: list[Sequence] = []
        self._places: dict[Sequence, Replica] = {}

    @property
    def requests(self) -> int:
        """Requests sent to any rank and not over."""
        return sum(rank.requests for rank in self.ranks)

    @property
    def prompt_tokens(self) -> int:
        """Prompt tokens of those."""
        return sum(rank.prompt_tokens for rank in self.ranks)

    @property
    def live(self) -> int:
        """Sequences that wait or run on any rank."""
        return sum(rank.live for rank in self.ranks)

    @property
    def waiting(self) -> int:
        """Sequences that wait on any rank."""
        return sum(rank.waiting for rank in self.ranks)

    def matched(self, seq: Sequence) -> int:
        """Tokens of the prompt in the prefix cache of the rank that it would go to."""
        return self._least_loaded().matched(seq)

    def rank_of(self, seq: Sequence) -> Replica:
        """The rank that a sequence that was added is on."""
        return self._places[seq]

    def _least_loaded(self) -> Replica:
        return min(self.ranks, key=lambda rank: 3 * rank.waiting + rank.requests)

    def add(self, seq: Sequence) -> bool:
        """Let a request in; False if its rank rejects it."""
        rank = self._least_loaded()
        if not rank.add(seq):
            return False
        self._places[seq] = rank
        return True

    def leave(self, seq: Sequence, served: bool = False) -> None:
        """A sequence is over here, `served` or cut off."""
        self._places.pop(seq).leave(seq, served)

    def advance(self, now: int, arrival: int | None, horizon: int | None) -> int | None:
        """Do one step of all ranks from `now`; its end, which is that of the slowest."""
        steps = [rank.scheduler.schedule(now) for rank in self.ranks]
        longest = max(
            step_ps(self.step_time, *(step.sizes() if step.work else DUMMY)) for step in steps
        )
        end = now + longest
        self.finished = []
        for rank, step in zip(self.ranks, steps, strict=True):
            rank.runner.steps += 1
            rank.runner.tokens += sum(count for _, count in step.work)
            rank.busy_ps += longest
            self.finished += rank.scheduler.apply(step, end)
        self.busy_ps += longest
        self.in_step, self.end = True, end
        return end

    def wake(self) -> int | None:
        """Nothing is waited for but deadlines."""
        times = [time for rank in self.ranks if (time := rank.wake()) is not None]
        return min(times, default=None)

    def cut_off(self, now: int) -> list[tuple[Sequence, int]]:
        """Drop those whose client has given up by `now`, rank by rank."""
        return [cut for rank in self.ranks for cut in rank.cut_off(now)]

    def busy_until(self, time: int) -> int:
        """Picoseconds in steps by `time`, which is not after the end of the step in progress."""
        return self.busy_ps - max(0, self.end - time) if self.in_step else self.busy_ps

"""One replica of a cluster: a scheduler, its runner, and what a router may know of it.

A router counts what it sent and what came back: `requests` and `prompt_tokens`. Both change only
when a request is sent or ends, and an end is known at the end of its step. `waiting` is the queue
as the step in progress left it, plus what was sent since. So a router sees the same whether the
steps in between were simulated one by one or many at once.
"""

from __future__ import annotations

from heapq import heappop, heappush

from finops.engine.batching import BatchScheduler
from finops.engine.blocks import BlockPool
from finops.engine.executor import StepTime
from finops.engine.fast_forward import FastForward
from finops.engine.policy import BatchPolicy, Policy
from finops.engine.scheduler import Scheduler
from finops.engine.sequence import Sequence, State
from finops.engine.stepwise import Stepwise


class Replica:
    """Serves what it is given; in a step until `end`, of which `finished` are the outcome."""

    def __init__(
        self,
        index: int,
        group: int,
        policy: Policy | BatchPolicy,
        step_time: StepTime,
        *,
        fast: bool,
        heed: bool,
        pool: BlockPool | None = None,
    ) -> None:
        """`heed`: stop at every arrival, because somebody looks at the blocks or gives up."""
        self.index = index
        self.group = group
        self.scheduler: Scheduler | BatchScheduler
        if isinstance(policy, Policy):
            self.scheduler = Scheduler(policy)
        else:
            self.scheduler = BatchScheduler(policy)
        if pool is not None:
            self.scheduler.pool = pool
        self.runner: FastForward | Stepwise
        if fast and isinstance(self.scheduler, Scheduler):
            self.runner = FastForward(self.scheduler, step_time, heed)
        else:
            self.runner = Stepwise(self.scheduler, step_time)
        self.in_step = False
        self.end = 0
        self.busy_ps = 0
        self.served = 0  # sequences that it brought to their end
        self.requests = 0  # sent to it and not over
        self.prompt_tokens = 0  # of those
        self.finished: list[Sequence] = []
        self._deadlines: list[tuple[int, int, Sequence]] = []

    @property
    def ranks(self) -> tuple[Replica, ...]:
        """The replicas that this one consists of."""
        return (self,)

    @property
    def steps(self) -> int:
        """Steps so far, the one in progress included."""
        return self.runner.steps

    @property
    def tokens(self) -> int:
        """Tokens computed so far, also again and for nothing."""
        return self.runner.tokens

    @property
    def live(self) -> int:
        """Sequences that wait or run."""
        return self.scheduler.live

    @property
    def waiting(self) -> int:
        """Sequences that wait for their first step, or for another after a preemption."""
        return self.scheduler.live - len(self.scheduler.running)

    def matched(self, seq: Sequence) -> int:
        """Tokens of the prompt that are in its prefix cache, at the end of the step in progress."""
        pool = self.scheduler.pool
        return len(pool.match(seq)) * pool.block_size if seq.hashes else 0

    def rank_of(self, seq: Sequence) -> Replica:
        """Where a sequence that was added is."""
        return self

    def add(self, seq: Sequence) -> bool:
        """Let a request in, from the next step on; False if it is rejected, at once."""
        if not self.scheduler.add(seq):
            return False
        self.requests += 1
        self.prompt_tokens += seq.prompt
        if seq.deadline is not None:
            heappush(self._deadlines, (seq.deadline, self.scheduler.arrivals, seq))
        return True

    def leave(self, seq: Sequence, served: bool = False) -> None:
        """A sequence is over here, `served` or cut off: it is no load any more."""
        self.served += served
        self.requests -= 1
        self.prompt_tokens -= seq.prompt

    def advance(self, now: int, arrival: int | None, horizon: int | None) -> int | None:
        """Do one step from `now`, or several equal ones until the first boundary at or after
        `horizon`; their end, or None if it waits for more requests.

        `arrival` is when anybody's next request comes: None tells a static batch not to wait.
        """
        until = horizon if isinstance(self.runner, FastForward) else arrival
        end = self.runner.advance(now, until, self.next_deadline())
        self.finished = self.runner.finished
        if end is not None:
            self.busy_ps += end - now
            self.in_step, self.end = True, end
        return end

    def next_deadline(self) -> int | None:
        """When the first client of those that it serves gives up."""
        while self._deadlines and self._deadlines[0][2].state >= State.FINISHED:
            heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else None

    def wake(self) -> int | None:
        """When it must be looked at again although nothing came: a batch is due, or a deadline."""
        times = (self.scheduler.wake(), self.next_deadline())
        return min((time for time in times if time is not None), default=None)

    def cut_off(self, now: int) -> list[tuple[Sequence, int]]:
        """Drop those whose client has given up by `now`, and say when; only between two steps."""
        cut = []
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            _, _, seq = heappop(self._deadlines)
            self.runner.drop(seq)
            cut.append((seq, deadline))
        return cut

    def busy_until(self, time: int) -> int:
        """Picoseconds in steps by `time`, which is not after the end of the step in progress."""
        return self.busy_ps - max(0, self.end - time) if self.in_step else self.busy_ps

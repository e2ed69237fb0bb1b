"""The loop of a real engine where it differs from the plain one: overlap, and ranks in lockstep.

Overlap: the next step is put together when the running one starts. So who comes during a step is in
the second step after it, not in the first; and who ends in a step keeps its place during the next.
vLLM does so unless it is told not to (asynchronous scheduling).

Lockstep: ranks of a mixture of experts, each with its own queue and cache, meet in every layer. A
step starts and ends for all at once, and the rank with most to do sets the pace.
"""

from __future__ import annotations

from collections import deque

from finops.engine.errors import InvalidPolicy, InvalidWorkload
from finops.engine.executor import StepTime
from finops.engine.observed.run import Setup
from finops.engine.policy import Policy, ServiceClass
from finops.engine.result import Ledger, Result
from finops.engine.scheduler import Scheduler
from finops.engine.sequence import Sequence
from finops.engine.workload import Workload

Sizes = tuple[int, int, int, int]
# Of a step: start and end in ps; tokens, rows, KV tokens read and pairs that its time is of.
StepRow = tuple[int, int, int, int, int, int]
QUEUED = 4  # vLLM's balancer counts one that waits as much as four that run


class Rank:
    """One scheduler and those who came to it; `leaving` have ended, and still hold their places."""

    def __init__(self, policy: Policy) -> None:
        self.scheduler = Scheduler(policy)
        self.max_seqs = policy.max_seqs
        self.held: deque[Sequence] = deque()
        self.leaving = 0

    @property
    def busy(self) -> bool:
        """Whether anything waits or runs."""
        return bool(self.held or self.scheduler.live)

    @property
    def load(self) -> int:
        """What the balancer compares."""
        running = len(self.scheduler.running)
        return QUEUED * (len(self.held) + self.scheduler.live - running) + running

    def admit(self) -> None:
        """Let in as many as there are places; the scheduler says in which step each starts."""
        while self.held and self.scheduler.live + self.leaving < self.max_seqs:
            self.scheduler.add(self.held.popleft())


class EngineLoop:
    """Serves an open loop of patient requests; `steps` says afterwards what each step did."""

    def __init__(
        self, workload: Workload, policy: Policy, step_time: StepTime, setup: Setup
    ) -> None:
        if not is_plain(workload):
            raise InvalidWorkload(
                "With overlap or several ranks only requests that come at a given time, wait for "
                "their answer and are of one class can be replayed. Drop timeouts, next turns and "
                "classes, or replay without overlap on one rank."
            )
        if policy.classes != (ServiceClass(),):
            raise InvalidPolicy(
                "With overlap or several ranks there is one class without limits of its own: leave "
                "out classes, or replay without overlap on one rank."
            )
        self.workload = workload
        self.step_time = step_time
        self.overlap = setup.overlap
        self.mixed_kv_ps = round(step_time.kv_ps * setup.mixed_kv)
        self.ranks = [Rank(policy) for _ in range(setup.ranks)]
        self.turn = 0
        self.ledger = Ledger(len(workload))
        self.coming = deque(range(len(workload)))
        self.steps: list[StepRow] = []
        self.computed = 0
        self.now = self.free = 0  # when the next step is put together, and when it can start

    def run(self) -> Result:
        """Until nobody comes, waits or runs any more."""
        while True:
            self._let_in()
            if any(rank.busy for rank in self.ranks):
                self._step()
            elif self.now < self.free:
                self._rest(self.free)
            elif self.coming:
                self._rest(int(self.workload.arrival_ps[self.coming[0]]))
            else:
                return self._result()

    def _rest(self, until: int) -> None:
        self.now = until
        for rank in self.ranks:
            rank.leaving = 0

    def _let_in(self) -> None:
        """Everybody who has come by now goes to the rank with the least load, in turn if equal."""
        flow, count = self.workload, len(self.ranks)
        while self.coming and flow.arrival_ps[self.coming[0]] <= self.now:
            index = self.coming.popleft()
            arrival = int(flow.arrival_ps[index])
            seq = Sequence(index, arrival, int(flow.prompt[index]), int(flow.output[index]))
            if flow.hashes is not None:
                seq.hashes = flow.hashes[index]
            self.ledger.came(seq)
            order = [(self.turn + step) % count for step in range(count)]
            chosen = min(order, key=lambda at: self.ranks[at].load)
            self.turn = (chosen + 1) % count
            rank = self.ranks[chosen]
            if rank.scheduler.fits(seq):
                rank.held.append(seq)
            else:
                rank.scheduler.add(seq)  # which says that it is rejected
                self.ledger.ended(seq, arrival)

    def _step(self) -> None:
        """Put a step together on every rank, and say when it starts and ends."""
        for rank in self.ranks:
            rank.admit()
        work = [rank.scheduler.schedule(self.now) for rank in self.ranks]
        if not any(step.work for step in work):
            self._rest(self.free)  # those who have ended hold all places until then
            return
        sizes = [step.sizes() for step in work]
        self.computed += sum(each[0] for each in sizes)
        tokens, rows, kv, pairs = pace(sizes)
        time = self.step_time
        start = max(self.now, self.free)
        kv_ps = self.mixed_kv_ps if tokens > rows else time.kv_ps
        end = start + time.fixed_ps(tokens, rows) + kv_ps * kv + time.pair_ps * pairs
        for rank, step in zip(self.ranks, work, strict=True):
            ended = rank.scheduler.apply(step, end)
            rank.leaving = len(ended) if self.overlap else 0
            for seq in ended:
                self.ledger.ended(seq, end)
        self.steps.append((start, end, tokens, rows, kv, pairs))
        self.now, self.free = (start, end) if self.overlap else (end, end)

    def _result(self) -> Result:
        start = int(self.workload.arrival_ps[0]) if len(self.workload) else 0
        return Result(
            **self.ledger.columns(),
            output=self.workload.output,
            attempts=self.workload.klass + 1,
            busy_ps=sum(end - start for start, end, *_ in self.steps),
            start_ps=start,
            end_ps=max(start, self.free),
            steps=len(self.steps),
            computed_tokens=self.computed,
        )


def is_plain(workload: Workload) -> bool:
    """Whether it is an open loop of patient requests of one class."""
    follows = bool((workload.after >= 0).any())
    return not (workload.has_ends or follows or workload.klass.any())


def pace(sizes: list[Sizes]) -> Sizes:
    """What a step of several ranks counts as: as if each had as much to do as the one with most.

    Ranks wait for each other in every layer, and vLLM pads their batches to one size.
    """
    tokens, rows, kv, pairs = (len(sizes) * max(column) for column in zip(*sizes, strict=True))
    return tokens, rows, kv, pairs

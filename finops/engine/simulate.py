"""Traffic through a scheduler in simulated time: nothing is random, nothing reads a clock."""

from __future__ import annotations

from heapq import heappop, heappush

from finops.engine.arrivals import Arrivals
from finops.engine.batching import BatchScheduler
from finops.engine.compiled.run import is_worth, run
from finops.engine.errors import InvalidWorkload
from finops.engine.executor import StepTime
from finops.engine.fast_batches import FastBatches
from finops.engine.fast_forward import FastForward, Segment
from finops.engine.policy import BatchPolicy, Policy
from finops.engine.result import Ledger, Result, column
from finops.engine.scheduler import Scheduler
from finops.engine.sequence import Sequence, State
from finops.engine.stepwise import Stepwise
from finops.engine.workload import Workload


def simulate(
    workload: Workload,
    policy: Policy | BatchPolicy,
    step_time: StepTime,
    *,
    fast: bool = True,
    journal: list[Segment] | None = None,
    compiled: bool | None = None,
) -> Result:
    """Serve the workload by one replica; the same result, to the bit, fast or step by step.

    `compiled` chooses numba's machine code: None where that is sooner done, its start included;
    True wherever it is there. Without numba, and for what it doesn't cover, Python does the same.
    A `journal` (fast, continuous batching only) gets the sizes of all steps, see FastForward.
    Raises InvalidWorkload for a class that the policy doesn't have.
    """
    if len(workload) and int(workload.klass.max()) >= len(policy.classes):
        raise InvalidWorkload("A request's class is not one of the policy's.")
    if compiled is None:
        compiled = is_worth(len(workload))
    found = run(workload, policy, step_time) if compiled and fast and journal is None else None
    return found or Simulation(workload, policy, step_time, fast, journal).run()


class Simulation:
    """The loop: who came, who gave up, one advance, who is done."""

    def __init__(
        self,
        workload: Workload,
        policy: Policy | BatchPolicy,
        step_time: StepTime,
        fast: bool,
        journal: list[Segment] | None,
    ) -> None:
        self.workload = workload
        self.arrivals = Arrivals(workload)
        self.ledger = Ledger(len(workload))
        self.deadlines: list[tuple[int, int, Sequence]] = []
        self.has_sequels = bool((workload.after >= 0).any())
        self.busy = self.now = self.end = 0
        self.scheduler: Scheduler | BatchScheduler
        self.runner: FastForward | Stepwise
        if isinstance(policy, Policy):
            self.scheduler = Scheduler(policy)
        else:
            self.scheduler = BatchScheduler(policy)
        limited = any(service.max_queue is not None for service in policy.classes)
        heed = limited or workload.has_ends
        if not fast:
            self.runner = Stepwise(self.scheduler, step_time)
        elif isinstance(self.scheduler, Scheduler):
            self.runner = FastForward(self.scheduler, step_time, heed, journal)
        else:
            self.runner = FastBatches(self.scheduler, step_time, heed)

    def run(self) -> Result:
        """Until nobody comes, waits or runs any more."""
        arrivals, scheduler = self.arrivals, self.scheduler
        start = self.now = self.end = arrivals.next_time() or 0
        while True:
            arrival = arrivals.next_time()
            while arrival is not None and arrival <= self.now:
                self._let_in()
                arrival = arrivals.next_time()
            if self.deadlines and self._cut_off():
                continue  # a retry may come at once
            if scheduler.live:
                self._advance(arrival)
            elif arrival is None:
                break
            else:
                self.now = arrival
        return self._result(start)

    def _advance(self, arrival: int | None) -> None:
        now, runner = self.now, self.runner
        deadline = self._next_deadline() if self.deadlines else None
        end = runner.advance(now, arrival, deadline)
        if end is None:
            times = (arrival, deadline, self.scheduler.wake())
            self.now = min(time for time in times if time is not None)
            return
        self.busy += end - now
        self.now = self.end = end
        for seq in runner.finished:
            self.ledger.ended(seq, end)
            if self.has_sequels:
                self.arrivals.ended(seq, end)

    def _let_in(self) -> None:
        seq = self.arrivals.pop(self.now)
        if seq is None:
            return
        self.ledger.came(seq)
        if not self.scheduler.add(seq):
            self._ended(seq, seq.arrival)
        elif seq.deadline is not None:
            heappush(self.deadlines, (seq.deadline, self.scheduler.arrivals, seq))

    def _cut_off(self) -> bool:
        """End those whose client has given up, at its deadline, not at the step's end; any?"""
        any_cut = False
        while self.deadlines and self.deadlines[0][0] <= self.now:
            deadline, _, seq = heappop(self.deadlines)
            if seq.state < State.FINISHED:
                any_cut = True
                self.runner.drop(seq)
                self.end = max(self.end, deadline)
                self._ended(seq, deadline)
        return any_cut

    def _next_deadline(self) -> int | None:
        while self.deadlines and self.deadlines[0][2].state >= State.FINISHED:
            heappop(self.deadlines)
        return self.deadlines[0][0] if self.deadlines else None

    def _ended(self, seq: Sequence, time: int) -> None:
        self.ledger.ended(seq, time)
        self.arrivals.ended(seq, time)

    def _result(self, start: int) -> Result:
        return Result(
            **self.ledger.columns(),
            output=self.workload.output,
            attempts=column(self.arrivals.attempts),
            busy_ps=self.busy,
            start_ps=start,
            end_ps=self.end,
            steps=self.runner.steps,
            computed_tokens=self.runner.tokens,
        )

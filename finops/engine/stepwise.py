"""The plain way: one step after the other, every sequence touched in each."""

from __future__ import annotations

from finops.engine.batching import BatchScheduler
from finops.engine.executor import StepTime, step_ps
from finops.engine.scheduler import Scheduler
from finops.engine.sequence import Sequence


class Stepwise:
    """Drives any scheduler; `finished` holds those that the last `advance` ended."""

    def __init__(self, scheduler: Scheduler | BatchScheduler, step_time: StepTime) -> None:
        self.scheduler = scheduler
        self.step_time = step_time
        self.finished: list[Sequence] = []
        self.steps = 0
        self.tokens = 0

    def advance(self, now: int, arrival: int | None, deadline: int | None) -> int | None:
        """Do one step from `now`; its end, or None if the scheduler waits for more requests."""
        step = self.scheduler.schedule(now, more_to_come=arrival is not None)
        self.finished = []
        if not step.work:
            return None
        sizes = step.sizes()
        end = now + step_ps(self.step_time, *sizes)
        self.finished = self.scheduler.apply(step, end)
        self.steps += 1
        self.tokens += sizes[0]
        return end

    def drop(self, seq: Sequence) -> None:
        """Cut off a live sequence, as its `cut_as` says."""
        self.scheduler.drop(seq, seq.cut_as)

"""The fast way for whole batches: the steps between two answers of a batch in closed form.

All rows of a batch are padded to its longest until the last is done. So each decode step computes
one token a row, and reads one token a row more than the one before it: see fast_forward.
"""

from __future__ import annotations

from finops.engine.batching import BatchScheduler
from finops.engine.executor import StepTime
from finops.engine.fast_forward import steps_until
from finops.engine.stepwise import Stepwise


class FastBatches(Stepwise):
    """Drives a batch scheduler; the step that starts a batch is a plain one."""

    scheduler: BatchScheduler

    def __init__(
        self, scheduler: BatchScheduler, step_time: StepTime, heed_arrivals: bool = False
    ) -> None:
        super().__init__(scheduler, step_time)
        self.heed_arrivals = heed_arrivals

    def advance(self, now: int, arrival: int | None, deadline: int | None) -> int | None:
        """Do one step or several equal ones from `now`; their end, or None if none can start."""
        running = self.scheduler.running
        if not running:
            return super().advance(now, arrival, deadline)
        rows = len(self.scheduler.batch)
        slope = self.step_time.kv_ps * rows
        first = self.step_time.fixed_ps(rows, rows) + slope * (self.scheduler.longest + 1)
        steps = min(seq.target - seq.generated for seq in running.values())
        ends = [deadline, arrival if self.heed_arrivals else None]
        horizon = min((end for end in ends if end is not None), default=None)
        if horizon is not None:
            steps = steps_until(horizon - now, first, slope, steps)
        self.finished = self.scheduler.decode(steps)
        self.steps += steps
        self.tokens += steps * rows
        return now + steps * first + slope * (steps * (steps - 1) // 2)

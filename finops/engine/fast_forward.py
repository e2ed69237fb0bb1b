"""The fast way: the same steps as the plain one, to the picosecond, at a cost per event.

Every decoding sequence gains one token in every step. So its length is a count of steps minus a
number of its own; who finishes next is the top of a heap; how many blocks a step takes is a
histogram of lengths modulo the block size; and between two events k steps have a closed form, for
B sequences that read S tokens in the first of them:

    k × fixed + kv_ps × (k × S + B × k(k−1)/2)

Only what no closed form covers, a step that must preempt, is handed to the plain scheduler.
"""

from __future__ import annotations

from heapq import heappop, heappush
from math import isqrt

from finops.engine.executor import StepTime
from finops.engine.scheduler import Scheduler
from finops.engine.sequence import Sequence, State

Segment = tuple[int, int, int, int, int]


class FastForward:
    """Drives a continuous scheduler; `finished` holds those that the last `advance` ended.

    A `journal` gets a row for each advance: steps; tokens and rows of each; KV tokens read in all;
    pairs.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        step_time: StepTime,
        heed_arrivals: bool = False,
        journal: list[Segment] | None = None,
    ) -> None:
        self.scheduler = scheduler
        self.step_time = step_time
        self.heed_arrivals = heed_arrivals
        self.journal = journal
        self.finished: list[Sequence] = []
        self.steps = 0
        self.tokens = 0
        self.decoding = 0
        self.kv = 0  # tokens stored for those that decode
        self.done = 0  # decode steps so far
        self.due: list[tuple[int, int, Sequence]] = []  # done at which it finishes, admission
        self.growing = [0] * scheduler.policy.block_size  # by done mod block size: who needs one
        self.grown: list[int] = []  # blocks of decoding sequences that aren't in their tables yet
        self.prefilling: list[Sequence] = []
        self.grows = 0 if scheduler.policy.reserve else 1  # blocks a sequence takes each round
        self._fixed: dict[int, int] = {}

    def advance(self, now: int, arrival: int | None, deadline: int | None) -> int:
        """Do one step or several equal ones from `now`; their end."""
        self.finished = []
        scheduler, pool = self.scheduler, self.scheduler.pool
        need = self.growing[self.done % pool.block_size]
        if need:
            if need > pool.available:
                return self._plain_step(now)
            self.grown += pool.take(need)
        work = self._continue_prefill() if self.prefilling else []
        if scheduler.waiting.count:
            budget = scheduler.policy.max_tokens - self.decoding - sum(n for _, n in work)
            work += scheduler.admit(budget, now)
        if work:
            return self._mixed_step(now, work)
        return self._decode(now, self._horizon(arrival, deadline))

    def _horizon(self, arrival: int | None, deadline: int | None) -> int | None:
        """The time from which on the next step may be another: None if only this batch says."""
        full = len(self.scheduler.running) >= self.scheduler.policy.max_seqs
        if arrival is None or (full and not self.heed_arrivals):
            return deadline
        return arrival if deadline is None else min(arrival, deadline)

    def _continue_prefill(self) -> list[tuple[Sequence, int]]:
        budget = self.scheduler.policy.max_tokens - self.decoding
        work = []
        for seq in self.prefilling:
            count = min(seq.total - seq.computed, budget)
            budget -= count
            work.append((seq, count))
        return work

    def _mixed_step(self, now: int, work: list[tuple[Sequence, int]]) -> int:
        """One step in which prompts are computed too."""
        tokens, kv, pairs = self.decoding, self.kv + self.decoding, 0
        for seq, count in work:
            tokens += count
            kv += seq.computed + count
            if count > 1:
                pairs += count * seq.computed + count * (count + 1) // 2
        rows = self.decoding + len(work)
        time = self.step_time
        end = now + time.fixed_ps(tokens, rows) + time.kv_ps * kv + time.pair_ps * pairs
        self._record(1, tokens, rows, kv, pairs)
        self.done += 1
        self.kv += self.decoding
        self._finish_due()
        self.prefilling = []
        for seq, count in work:
            self._prefilled(seq, count, end)
        return end

    def _prefilled(self, seq: Sequence, count: int, end: int) -> None:
        seq.computed += count
        if seq.hashes:
            self.scheduler.pool.publish(seq, min(seq.computed, seq.prompt))
        if seq.computed < seq.total:
            self.prefilling.append(seq)
        elif self.scheduler.emit(seq, end):
            self.finished.append(seq)
        else:
            self._join(seq)

    def _join(self, seq: Sequence) -> None:
        """`seq` decodes from the next step on."""
        seq.base = self.done - seq.computed
        seq.finish_at = self.done + seq.target - seq.generated
        heappush(self.due, (seq.finish_at, seq.admission, seq))
        self.growing[seq.base % len(self.growing)] += self.grows
        self.decoding += 1
        self.kv += seq.computed

    def _part(self, seq: Sequence) -> None:
        """`seq` decodes no longer; its lengths and its blocks are brought up to date."""
        seq.computed = self.done - seq.base
        seq.generated = seq.target - (seq.finish_at - self.done)
        seq.total = seq.prompt + seq.generated
        missing = self.scheduler.pool.blocks_for(seq.computed) - len(seq.blocks)
        if missing > 0:
            seq.blocks += self.grown[-missing:]
            del self.grown[-missing:]
        self.growing[seq.base % len(self.growing)] -= self.grows
        self.decoding -= 1
        self.kv -= seq.computed
        seq.finish_at = 0

    def _finish_due(self) -> None:
        due = self.due
        while due and due[0][0] <= self.done:
            finish_at, _, seq = heappop(due)
            if seq.finish_at == finish_at:  # else it was cut off meanwhile
                self._part(seq)
                self.scheduler.leave(seq)
                seq.state = State.FINISHED
                self.finished.append(seq)

    def _decode(self, now: int, horizon: int | None) -> int:
        """As many equal steps as there are until the next event."""
        while self.due[0][2].finish_at != self.due[0][0]:
            heappop(self.due)
        rows, kv = self.decoding, self.kv + self.decoding
        fixed = self._fixed.get(rows)
        if fixed is None:
            fixed = self._fixed[rows] = self.step_time.fixed_ps(rows, rows)
        per_kv = self.step_time.kv_ps
        first, slope = fixed + per_kv * kv, per_kv * rows
        steps = self.due[0][0] - self.done
        if horizon is not None:
            steps = min(steps, steps_until(horizon - now, first, slope))
        if steps > 1:
            steps = self._grow(steps)
        read = steps * kv + rows * (steps * (steps - 1) // 2)
        self._record(steps, rows, rows, read, 0)
        self.done += steps
        self.kv += rows * steps
        self._finish_due()
        return now + steps * fixed + per_kv * read

    def _grow(self, steps: int) -> int:
        """Take the blocks for steps 2 to `steps` (the first has its own); how many steps can be."""
        size, pool = len(self.growing), self.scheduler.pool
        rounds, rest = divmod(steps - 1, size)
        start = (self.done + 1) % size
        need = rounds * self.decoding * self.grows + sum((self.growing * 2)[start : start + rest])
        if need > pool.available:
            steps, need = self._steps_in(pool.available)
        self.grown += pool.take(need)
        return steps

    def _steps_in(self, available: int) -> tuple[int, int]:
        """Steps that can be made with `available` more blocks, and the blocks they take."""
        size = len(self.growing)
        rounds, left = divmod(available, self.decoding)
        steps, need = 1 + rounds * size, rounds * self.decoding
        while self.growing[(self.done + steps) % size] <= left:
            taken = self.growing[(self.done + steps) % size]
            left -= taken
            need += taken
            steps += 1
        return steps, need

    def _plain_step(self, now: int) -> int:
        """One step by the plain scheduler, for the blocks don't suffice and someone must go."""
        for seq in self.scheduler.running.values():
            if seq.finish_at:
                self._part(seq)
        self.due, self.prefilling = [], []
        step = self.scheduler.schedule(now)
        tokens, rows, kv, pairs = step.sizes()
        time = self.step_time
        end = now + time.fixed_ps(tokens, rows) + time.kv_ps * kv + time.pair_ps * pairs
        self._record(1, tokens, rows, kv, pairs)
        self.finished = self.scheduler.apply(step, end)
        for seq in self.scheduler.running.values():
            if seq.generated and seq.computed == seq.total - 1:
                self._join(seq)
            else:
                self.prefilling.append(seq)
        return end

    def _record(self, steps: int, tokens: int, rows: int, kv: int, pairs: int) -> None:
        self.steps += steps
        self.tokens += steps * tokens
        if self.journal is not None:
            self.journal.append((steps, tokens, rows, kv, pairs))

    def drop(self, seq: Sequence) -> None:
        """Cut off a live sequence."""
        if seq.finish_at:
            self._part(seq)
        elif seq in self.prefilling:
            self.prefilling.remove(seq)
        self.scheduler.drop(seq, State.TIMED_OUT)


def steps_until(wait: int, first: int, slope: int) -> int:
    """The fewest steps that take at least `wait`, the first taking `first`, each `slope` more."""
    if wait <= first:
        return 1
    if slope == 0:
        return -(-wait // first)
    twice = 2 * first - slope  # slope × k² + twice × k ≥ 2 × wait
    steps = max(1, (isqrt(twice * twice + 8 * slope * wait) - twice) // (2 * slope))
    while steps * first + slope * (steps * (steps - 1) // 2) < wait:
        steps += 1
    while steps > 1 and (steps - 1) * first + slope * ((steps - 1) * (steps - 2) // 2) >= wait:
        steps -= 1
    return steps

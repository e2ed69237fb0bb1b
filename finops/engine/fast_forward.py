"""The fast way: the same steps as the plain one, to the picosecond, at a cost per event.

Every decoding sequence gains one token in every step. So its length is a count of steps minus a
number of its own; who finishes next is the top of a heap; how many blocks a step takes is a
histogram of lengths modulo the block size; and between two events k steps have a closed form: if
the first takes `first` and each `slope` more than the one before it,

    k × first + slope × k(k−1)/2

That holds for steps that only decode, and for those in which a long prompt takes all that the
budget leaves, chunk by chunk. Only what no closed form covers, a step that must preempt, is handed
to the plain scheduler.
"""

from __future__ import annotations

from heapq import heappop, heappush
from math import sqrt

from finops.engine.executor import StepTime, step_ps
from finops.engine.scheduler import Scheduler
from finops.engine.sequence import Sequence, State

Segment = tuple[int, int, int, int, int]


class FastForward:
    """Drives a continuous scheduler; `finished` holds those that the last `advance` ended.

    A `journal` gets a row for each advance: steps; tokens and rows of each; KV tokens read in all;
    pairs in all.
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
        self.kv_ps, self.pair_ps = step_time.kv_ps, step_time.pair_ps
        self.heed_arrivals = heed_arrivals
        self.journal = journal
        self.finished: list[Sequence] = []
        self.steps = 0
        self.tokens = 0
        self.decoding = 0
        self.kv = 0  # tokens stored for those that decode
        self.done = 0  # decode steps so far
        self.due: list[tuple[int, int, Sequence]] = []  # done at which it finishes, admission
        self.size = scheduler.policy.block_size
        self.max_tokens, self.max_seqs = scheduler.policy.max_tokens, scheduler.policy.max_seqs
        # Who needs a block, by `done` modulo the block size; written twice, so any run is a slice.
        self.growing = [0] * (2 * self.size)
        self.grows = 0 if scheduler.policy.reserve else 1  # blocks a sequence takes each round
        self.partial: Sequence | None = None  # the one whose prompt isn't computed yet
        self._fixed: dict[int, int] = {}

    def advance(self, now: int, arrival: int | None, deadline: int | None) -> int:
        """Do one step or several equal ones from `now`; their end."""
        self.finished = []
        scheduler = self.scheduler
        need = self.growing[self.done % self.size]
        if need and not scheduler.pool.promise(need):
            return self._plain_step(now)
        if self.partial is None:
            if scheduler.waiting.count:
                work = scheduler.admit(self.max_tokens - self.decoding, now)
                if work:
                    return self._mixed_step(now, work)
            return self._decode(now, self._horizon(arrival, deadline))
        # It takes the whole budget, so whoever comes waits until it is computed.
        return self._go_on(self.partial, now, self._horizon(arrival, deadline, full=True))

    def _horizon(self, arrival: int | None, deadline: int | None, full: bool = False) -> int | None:
        """The time from which on the next step may be another: None if only this batch says."""
        if arrival is None:
            return deadline
        if not self.heed_arrivals and (full or len(self.scheduler.running) >= self.max_seqs):
            return deadline
        return arrival if deadline is None or arrival < deadline else deadline

    def _go_on(self, seq: Sequence, now: int, horizon: int | None) -> int:
        """Compute more of the prompt that is partly computed."""
        budget = self.max_tokens - self.decoding
        rest = seq.total - seq.computed
        # With hashes each chunk makes blocks findable, and may give some back.
        if rest > 2 * budget and not seq.hashes:
            return self._chunks(seq, budget, now, horizon)
        work = [(seq, min(rest, budget))]
        if rest < budget:
            work += self.scheduler.admit(budget - rest, now)
        return self._mixed_step(now, work)

    def _mixed_step(self, now: int, work: list[tuple[Sequence, int]]) -> int:
        """One step in which prompts are computed too."""
        tokens = self.decoding
        kv, pairs = self.kv + tokens, 0
        for seq, count in work:
            tokens += count
            kv += seq.computed + count
            if count > 1:
                pairs += count * seq.computed + count * (count + 1) // 2
        rows = self.decoding + len(work)
        fixed = self.step_time.fixed_ps(tokens, rows)
        end = now + fixed + self.kv_ps * kv + self.pair_ps * pairs
        self._stepped(1, tokens, rows, kv, pairs)
        self.partial = None
        for seq, count in work:
            self._prefilled(seq, count, end)
        return end

    def _prefilled(self, seq: Sequence, count: int, end: int) -> None:
        seq.computed += count
        if seq.hashes:
            self.scheduler.pool.publish(seq, min(seq.computed, seq.prompt))
        if seq.computed < seq.total:
            self.partial = seq
        elif self.scheduler.emit(seq, end):
            self.finished.append(seq)
        else:
            self._join(seq)

    def _join(self, seq: Sequence) -> None:
        """`seq` decodes from the next step on."""
        done = self.done
        seq.base = done - seq.computed
        seq.finish_at = done + seq.target - seq.generated
        heappush(self.due, (seq.finish_at, seq.admission, seq))
        at = seq.base % self.size
        self.growing[at] += self.grows
        self.growing[at + self.size] += self.grows
        self.decoding += 1
        self.kv += seq.computed

    def _part(self, seq: Sequence, ends: bool = True) -> None:
        """`seq` decodes no longer, or ends; its lengths and its blocks are brought up to date."""
        done, pool = self.done, self.scheduler.pool
        seq.computed = done - seq.base
        seq.generated = seq.target - (seq.finish_at - done)
        seq.total = seq.prompt + seq.generated
        missing = -(-seq.computed // self.size) - len(seq.blocks)
        if missing > 0:
            if ends and not seq.hashes:
                pool.promised -= missing  # it would give them back at once, whichever they are
            else:
                seq.blocks += pool.redeem(missing)
        at = seq.base % self.size
        self.growing[at] -= self.grows
        self.growing[at + self.size] -= self.grows
        self.decoding -= 1
        self.kv -= seq.computed
        seq.finish_at = 0

    def _stepped(self, steps: int, tokens: int, rows: int, kv: int, pairs: int) -> None:
        """So many equal steps are done; whoever has its last token finishes."""
        self.steps += steps
        self.tokens += steps * tokens
        if self.journal is not None:
            self.journal.append((steps, tokens, rows, kv, pairs))
        self.done = done = self.done + steps
        self.kv += self.decoding * steps
        due = self.due
        while due and due[0][0] <= done:
            finish_at, _, seq = heappop(due)
            if seq.finish_at == finish_at:  # else it was cut off meanwhile
                self._part(seq)
                self.scheduler.leave(seq)
                seq.state = State.FINISHED
                self.finished.append(seq)

    def _decode(self, now: int, horizon: int | None) -> int:
        """As many equal steps as there are until the next event."""
        rows = self.decoding
        kv = self.kv + rows
        fixed = self._fixed.get(rows)
        if fixed is None:
            fixed = self._fixed[rows] = self.step_time.fixed_ps(rows, rows)
        first, slope = fixed + self.kv_ps * kv, self.kv_ps * rows
        steps = self._possible(None, now, horizon, first, slope)
        triangle = steps * (steps - 1) // 2
        self._stepped(steps, rows, rows, steps * kv + rows * triangle, 0)
        return now + steps * first + slope * triangle

    def _chunks(self, seq: Sequence, count: int, now: int, horizon: int | None) -> int:
        """Equal steps in which `seq` computes `count` tokens each, which nobody else could use."""
        tokens, rows = self.decoding + count, self.decoding + 1
        kv, kv_more = self.kv + self.decoding + seq.computed + count, tokens
        pairs = count * seq.computed + count * (count + 1) // 2 if count > 1 else 0
        pairs_more = count * count if count > 1 else 0
        fixed = self.step_time.fixed_ps(tokens, rows)
        first = fixed + self.kv_ps * kv + self.pair_ps * pairs
        slope = self.kv_ps * kv_more + self.pair_ps * pairs_more
        steps = self._possible((seq.total - seq.computed - 1) // count, now, horizon, first, slope)
        triangle = steps * (steps - 1) // 2
        read, attended = steps * kv + kv_more * triangle, steps * pairs + pairs_more * triangle
        self._stepped(steps, tokens, rows, read, attended)
        seq.computed += steps * count
        return now + steps * first + slope * triangle

    def _possible(
        self, most: int | None, now: int, horizon: int | None, first: int, slope: int
    ) -> int:
        """How many equal steps there are, `most` at most, until something happens.

        Takes the blocks of all but the first, which has its own.
        """
        # Who was cut off may still be due: that only makes the run shorter.
        steps = self.due[0][0] - self.done if self.due else most or 1
        if most is not None and most < steps:
            steps = most
        if horizon is not None and steps > 1:
            steps = steps_until(horizon - now, first, slope, steps)
        return self._grow(steps) if steps > 1 else 1

    def _grow(self, steps: int) -> int:
        """Take the blocks for steps 2 to `steps`; how many steps can be."""
        pool, size = self.scheduler.pool, self.size
        rounds, rest = divmod(steps - 1, size)
        start = (self.done + 1) % size
        need = rounds * self.decoding * self.grows + sum(self.growing[start : start + rest])
        if not pool.promise(need):
            steps, need = self._steps_in(pool.available)
            pool.promise(need)
        return steps

    def _steps_in(self, available: int) -> tuple[int, int]:
        """Steps that can be made with `available` more blocks, and the blocks they take."""
        rounds, left = divmod(available, self.decoding)
        steps, need = 1 + rounds * self.size, rounds * self.decoding
        while (taken := self.growing[(self.done + steps) % self.size]) <= left:
            left -= taken
            need += taken
            steps += 1
        return steps, need

    def _plain_step(self, now: int) -> int:
        """One step by the plain scheduler, for the blocks don't suffice and someone must go."""
        for seq in self.scheduler.running.values():
            if seq.finish_at:
                self._part(seq, ends=False)
        self.due, self.partial = [], None  # nobody decodes: all are the plain scheduler's now
        step = self.scheduler.schedule(now)
        tokens, rows, kv, pairs = step.sizes()
        end = now + step_ps(self.step_time, tokens, rows, kv, pairs)
        self._stepped(1, tokens, rows, kv, pairs)
        self.finished = self.scheduler.apply(step, end)
        for seq in self.scheduler.running.values():
            if seq.generated and seq.computed == seq.total - 1:
                self._join(seq)
            else:
                self.partial = seq
        return end

    def drop(self, seq: Sequence) -> None:
        """Cut off a live sequence, as its `cut_as` says."""
        if seq.finish_at:
            self._part(seq)
        elif seq is self.partial:
            self.partial = None
        self.scheduler.drop(seq, seq.cut_as)


def steps_until(wait: int, first: int, slope: int, most: int) -> int:
    """The fewest steps that take at least `wait`, or `most`: the first takes `first`, each `slope`
    more than the one before."""
    if wait <= first:
        return 1
    if most * first + slope * (most * (most - 1) // 2) <= wait:
        return most
    # The root of slope/2 × k² + twice/2 × k = wait, rounded down; below 10^13 steps it is never too
    # high by a whole one, and integers settle the rest.
    twice = 2 * first - slope
    steps = min(most, max(1, int(4 * wait / (sqrt(twice * twice + 8 * slope * wait) + twice))))
    while steps * first + slope * (steps * (steps - 1) // 2) < wait:
        steps += 1
    return steps

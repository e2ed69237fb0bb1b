"""Continuous batching: who computes how many tokens in the next step.

`schedule` says the work of a step, an executor does it or says how long it takes, `apply` draws
the consequences. Running sequences go first, in the order in which they were admitted; then waiting
ones are admitted while the budget of tokens, the blocks and the number of sequences allow it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from finops.engine.blocks import BlockPool
from finops.engine.policy import Policy
from finops.engine.sequence import Sequence, State
from finops.engine.waiting import WaitingQueues


@dataclass(slots=True)
class Step:
    """The work of one step: tokens by sequence, in order of the batch.

    `padding` counts rows and tokens that are computed for nothing (static batches only).
    """

    work: list[tuple[Sequence, int]] = field(default_factory=list)
    preempted: list[Sequence] = field(default_factory=list)
    padding_tokens: int = 0
    padding_rows: int = 0
    padding_kv: int = 0

    def sizes(self) -> tuple[int, int, int, int]:
        """Tokens, rows, KV tokens read, and pairs of tokens that chunks attend to."""
        tokens, kv, pairs = self.padding_tokens, self.padding_kv, 0
        for seq, count in self.work:
            tokens += count
            kv += seq.computed + count
            if count > 1:
                pairs += count * seq.computed + count * (count + 1) // 2
        return tokens, len(self.work) + self.padding_rows, kv, pairs


class Scheduler:
    """The state of one replica: its queues, its running sequences and its blocks."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.pool = BlockPool(policy.blocks, policy.block_size)
        self.waiting = WaitingQueues(policy.classes)
        self.handicaps = [service.priority * policy.age_ps for service in policy.classes]
        self.running: dict[int, Sequence] = {}  # by number of admission, which is its order
        self.running_of = [0] * len(policy.classes)
        self.admissions = 0
        self.arrivals = 0
        self.preemptions = 0

    @property
    def live(self) -> int:
        """Sequences that wait or run."""
        return len(self.running) + self.waiting.count

    def wake(self) -> int | None:
        """Nothing is ever waited for: whatever fits starts at once."""
        return None

    def fits(self, seq: Sequence) -> bool:
        """Whether `seq` could run if it were alone; one that couldn't would block the queue."""
        limit = self.policy.max_model_len
        if limit is not None and seq.prompt + seq.target > limit:
            return False
        return seq.prompt + seq.target - 1 <= self.pool.tokens

    def add(self, seq: Sequence) -> bool:
        """Let a request in; False if it is rejected, at once and for good."""
        if not self.fits(seq) or self.waiting.is_full(seq.klass):
            seq.state = State.REJECTED
            return False
        self.arrivals += 1
        seq.order = (seq.arrival + self.handicaps[seq.klass], self.arrivals)
        if not self.policy.prefix_cache:
            seq.hashes = ()
        self.waiting.push(seq)
        return True

    def drop(self, seq: Sequence, state: State) -> None:
        """Stop a live sequence, which becomes `state`; its blocks are free at once."""
        if seq.state is State.WAITING:
            self.waiting.remove(seq)
        else:
            self.leave(seq)
        seq.state = state

    def schedule(self, now: int, more_to_come: bool = True) -> Step:
        """The next step's work; empty only if nothing is live."""
        step = Step()
        budget = self.policy.max_tokens
        granted: dict[int, int] = {}
        for seq in list(self.running.values()):
            if seq.state is not State.RUNNING:
                continue  # preempted by one before it
            count = min(seq.total - seq.computed, budget)
            budget += self._make_room(seq, count, step, granted)
            if seq.state is State.RUNNING:
                granted[seq.admission] = count
                budget -= count
        step.work = [(self.running[number], count) for number, count in granted.items()]
        if not step.preempted:
            step.work += self.admit(budget, now)
        return step

    def _make_room(self, seq: Sequence, count: int, step: Step, granted: dict[int, int]) -> int:
        """Get blocks for `count` more tokens, if need be from the last in order.

        Returns the tokens that preempted sequences had been granted in this step.
        """
        returned = 0
        need = self.pool.blocks_for(seq.computed + count) - len(seq.blocks)
        while need > self.pool.available:
            victim = max(self.running.values(), key=lambda running: running.order)
            returned += granted.pop(victim.admission, 0)
            self._preempt(victim)
            step.preempted.append(victim)
            if victim is seq:
                return returned
        if need > 0:
            seq.blocks += self.pool.take(need)
        return returned

    def _preempt(self, seq: Sequence) -> None:
        """Back to the queue, to compute again what was computed; nothing is emitted twice."""
        self.leave(seq)
        seq.preemptions += 1
        self.preemptions += 1
        self.waiting.push(seq)

    def leave(self, seq: Sequence) -> None:
        """A running sequence runs no more; its blocks are free at once."""
        del self.running[seq.admission]
        self.running_of[seq.klass] -= 1
        self.pool.release(seq)

    def admit(self, budget: int, now: int) -> list[tuple[Sequence, int]]:
        """Start waiting sequences, in order; one that doesn't fit holds up those behind it."""
        work: list[tuple[Sequence, int]] = []
        waiting, policy = self.waiting, self.policy
        while budget > 0 and waiting.count and len(self.running) < policy.max_seqs:
            seq = waiting.head(self.running_of)
            if seq is None:
                break
            if not self.pool.admit(seq, seq.longest if policy.reserve else seq.total):
                break
            waiting.pop(seq)
            self._start(seq, now)
            count = min(seq.total - seq.computed, budget)
            budget -= count
            work.append((seq, count))
        return work

    def _start(self, seq: Sequence, now: int) -> None:
        self.admissions += 1
        seq.admission = self.admissions
        seq.state = State.RUNNING
        self.running[seq.admission] = seq
        self.running_of[seq.klass] += 1
        if seq.scheduled < 0:
            seq.scheduled = now
            seq.cached = seq.computed  # a hit after a preemption isn't one more

    def apply(self, step: Step, end: int) -> list[Sequence]:
        """Advance everyone by the step's work; return those that are done."""
        finished = []
        for seq, count in step.work:
            seq.computed += count
            if seq.hashes:
                # What it generates is published when it leaves: then its blocks are final.
                self.pool.publish(seq, min(seq.computed, seq.prompt))
            if seq.computed == seq.total and self.emit(seq, end):
                finished.append(seq)
        return finished

    def emit(self, seq: Sequence, end: int) -> bool:
        """`seq` has caught up: it emits a token; True if that was its last."""
        if seq.first < 0:
            seq.first = end
        seq.generated += 1
        seq.total += 1
        if seq.generated < seq.target:
            return False
        self.leave(seq)
        seq.state = State.FINISHED
        return True

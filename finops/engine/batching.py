"""Whole batches, dynamic or static, behind the interface of the continuous scheduler.

All prompts of a batch are padded to its longest and prefilled in one step; then each step decodes
one token for each row, until the last member is done. A member that is done early has its answer,
but its row and its blocks stay taken: that is what continuous batching does away with.
"""

from __future__ import annotations

from bisect import bisect_left

from finops.engine.blocks import BlockPool
from finops.engine.policy import BatchPolicy
from finops.engine.scheduler import Step
from finops.engine.sequence import Sequence, State
from finops.engine.waiting import WaitingQueues


class BatchScheduler:
    """Queues by length bucket, and at most one batch that runs."""

    def __init__(self, policy: BatchPolicy) -> None:
        self.policy = policy
        self.pool = BlockPool(policy.blocks, policy.block_size)
        self.queues = [WaitingQueues(policy.classes) for _ in range(len(policy.buckets) + 1)]
        self.batch: list[Sequence] = []
        self.running: dict[int, Sequence] = {}
        self.longest = 0
        self.arrivals = 0
        self.preemptions = 0

    @property
    def live(self) -> int:
        """Sequences that wait or run."""
        return len(self.running) + sum(queue.count for queue in self.queues)

    def fits(self, seq: Sequence) -> bool:
        """Whether `seq` could run if it were alone."""
        limit = self.policy.max_model_len
        if limit is not None and seq.prompt + seq.target > limit:
            return False
        blocks = self.pool.blocks_for(seq.longest)
        return blocks <= self.pool.total and seq.prompt <= self.policy.max_tokens

    def add(self, seq: Sequence) -> bool:
        """Let a request in; False if it is rejected, at once and for good."""
        waiting = sum(queue.lengths[seq.klass] for queue in self.queues)
        limit = self.policy.classes[seq.klass].max_queue
        if not self.fits(seq) or (limit is not None and waiting >= limit):
            seq.state = State.REJECTED
            return False
        self.arrivals += 1
        priority = self.policy.classes[seq.klass].priority
        seq.order = (seq.arrival + priority * self.policy.age_ps, self.arrivals)
        seq.hashes = ()
        self._queue(seq).push(seq)
        return True

    def _queue(self, seq: Sequence) -> WaitingQueues:
        return self.queues[bisect_left(self.policy.buckets, seq.prompt)]

    def drop(self, seq: Sequence, state: State) -> None:
        """Stop a live sequence, which becomes `state`; a running one's row stays to the end."""
        if seq.state is State.WAITING:
            self._queue(seq).remove(seq)
        else:
            del self.running[seq.admission]
            self._close()
        seq.state = state

    def schedule(self, now: int, more_to_come: bool = True) -> Step:
        """The next step's work; empty while a batch is waited for (until `wake`)."""
        if self.running:
            work = [(seq, 1) for seq in self.running.values()]
            self.longest += 1
            return self._pad(work)
        for queue in self._by_age():
            due = self._is_due(queue, now, more_to_come)
            members, full = self._gather(queue)
            if members and (full or due):
                return self._start(members, now)
            for seq in members:
                queue.push(seq)
        return Step()

    def wake(self) -> int | None:
        """When the oldest that waits has waited long enough; None: only a full batch starts."""
        if self.policy.max_wait_ps is None or self.running:
            return None
        oldest = [queue.oldest() for queue in self.queues]
        first = min((arrival for arrival in oldest if arrival is not None), default=None)
        return None if first is None else first + self.policy.max_wait_ps

    def _by_age(self) -> list[WaitingQueues]:
        """Queues that hold someone, by who is first in them."""
        nobody = [0] * len(self.policy.classes)
        heads = [(queue.head(nobody), queue) for queue in self.queues]
        waiting = [(seq.order, queue) for seq, queue in heads if seq is not None]
        return [queue for _, queue in sorted(waiting, key=lambda pair: pair[0])]

    def _is_due(self, queue: WaitingQueues, now: int, more_to_come: bool) -> bool:
        """Whether a batch starts although it isn't full."""
        if self.policy.max_wait_ps is None:
            return not more_to_come
        oldest = queue.oldest()
        return oldest is not None and oldest + self.policy.max_wait_ps <= now

    def _gather(self, queue: WaitingQueues) -> tuple[list[Sequence], bool]:
        """Those at the head of the queue that make a batch together, and whether it is full."""
        members: list[Sequence] = []
        by_class = [0] * len(self.policy.classes)
        blocks = longest = 0
        while len(members) < self.policy.max_seqs:
            seq = queue.head(by_class)
            if seq is None:
                return members, False
            longest = max(longest, seq.prompt)
            blocks += self.pool.blocks_for(seq.longest)
            if blocks > self.pool.total or longest * (len(members) + 1) > self.policy.max_tokens:
                return members, True
            queue.pop(seq)
            by_class[seq.klass] += 1
            members.append(seq)
        return members, True

    def _start(self, members: list[Sequence], now: int) -> Step:
        self.batch = members
        self.longest = max(seq.prompt for seq in members)
        for number, seq in enumerate(members):
            seq.state = State.RUNNING
            seq.admission = number
            seq.scheduled = now
            seq.blocks = self.pool.take(self.pool.blocks_for(seq.longest))
            self.running[number] = seq
        return self._pad([(seq, seq.prompt) for seq in members])

    def _pad(self, work: list[tuple[Sequence, int]]) -> Step:
        """A step in which every row of the batch computes as much as its longest."""
        size = len(self.batch)
        most = max(count for _, count in work)
        return Step(
            work,
            padding_tokens=size * most - sum(count for _, count in work),
            padding_rows=size - len(work),
            padding_kv=size * self.longest - sum(seq.computed + count for seq, count in work),
        )

    def apply(self, step: Step, end: int) -> list[Sequence]:
        """Advance every member; return those that are done."""
        finished = []
        for seq, count in step.work:
            seq.computed += count
            if seq.first < 0:
                seq.first = end
            seq.generated += 1
            seq.total += 1
            if seq.generated == seq.target:
                self._finish(seq)
                finished.append(seq)
        self._close()
        return finished

    def decode(self, steps: int) -> list[Sequence]:
        """So many decode steps at once, of which only the last may finish anyone; who is done."""
        self.longest += steps
        for seq in self.running.values():
            seq.computed += steps
            seq.generated += steps
            seq.total += steps
        finished = [seq for seq in self.running.values() if seq.generated == seq.target]
        for seq in finished:
            self._finish(seq)
        self._close()
        return finished

    def _finish(self, seq: Sequence) -> None:
        seq.state = State.FINISHED
        del self.running[seq.admission]

    def _close(self) -> None:
        """Free all blocks of a batch of which nobody runs any more."""
        if self.running:
            return
        for seq in self.batch:
            self.pool.release(seq)
        self.batch = []

"""The queues before the door: one for each class, first come first served within it."""

from __future__ import annotations

from heapq import heappop, heappush

from finops.engine.policy import ServiceClass
from finops.engine.sequence import Sequence, State


class WaitingQueues:
    """Sequences by `order`; one that stopped waiting is dropped when its turn comes."""

    def __init__(self, classes: tuple[ServiceClass, ...]) -> None:
        self.classes = classes
        self.heaps: list[list[tuple[tuple[int, int], Sequence]]] = [[] for _ in classes]
        self.lengths = [0] * len(classes)
        self.count = 0

    def is_full(self, klass: int) -> bool:
        """Whether the class takes no more."""
        limit = self.classes[klass].max_queue
        return limit is not None and self.lengths[klass] >= limit

    def push(self, seq: Sequence) -> None:
        """Let `seq` wait; its order, not this call, says where."""
        seq.state = State.WAITING
        self.lengths[seq.klass] += 1
        self.count += 1
        heappush(self.heaps[seq.klass], (seq.order, seq))

    def pop(self, seq: Sequence) -> None:
        """Take out `seq`, which `head` has just named; the caller sets its new state."""
        heappop(self.heaps[seq.klass])
        self.remove(seq)

    def remove(self, seq: Sequence) -> None:
        """`seq` is over and never waits again; the caller sets its new state."""
        self.lengths[seq.klass] -= 1
        self.count -= 1

    def oldest(self) -> int | None:
        """When the first came of those who wait."""
        arrivals = []
        for heap in self.heaps:
            while heap and heap[0][1].state is not State.WAITING:
                heappop(heap)
            if heap:
                arrivals.append(heap[0][1].arrival)
        return min(arrivals, default=None)

    def head(self, running: list[int]) -> Sequence | None:
        """Who is next, of the classes that may have one more running; `running` counts by class."""
        best: Sequence | None = None
        for klass, heap in enumerate(self.heaps):
            while heap and heap[0][1].state is not State.WAITING:
                heappop(heap)
            limit = self.classes[klass].max_seqs
            if not heap or (limit is not None and running[klass] >= limit):
                continue
            if best is None or heap[0][0] < best.order:
                best = heap[0][1]
        return best

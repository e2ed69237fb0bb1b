"""The door: who comes when; next turns and retries are added as their reasons happen."""

from __future__ import annotations

from array import array
from heapq import heappop, heappush

import numpy as np

from finops.engine.sequence import Sequence, State
from finops.engine.workload import Column, Workload

NEVER = 2**63 - 1


def numbers(column: Column) -> array[int]:
    """The column as an array of which one element is read fast."""
    return array("q", np.ascontiguousarray(column, np.int64).tobytes())


class Arrivals:
    """Attempts by time; ties by the order in which they became known."""

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        free = np.flatnonzero(workload.after < 0)
        self._index = numbers(free)
        self._times = numbers(np.append(workload.arrival_ps[free], NEVER))
        self._at = 0
        self._dynamic: list[tuple[int, int, int, int]] = []
        self._known = 0
        self._next = self._earliest()
        self._followers: dict[int, list[int]] = {}
        for index in np.flatnonzero(workload.after >= 0).tolist():
            self._followers.setdefault(int(workload.after[index]), []).append(index)
        self.attempts = numbers(np.zeros(len(workload), np.int64))
        self._prompt = numbers(workload.prompt)
        self._output = numbers(workload.output)
        self._classes = workload.klass if workload.klass.any() else None
        self._timeouts = workload.timeout_ps if workload.timeout_ps.any() else None
        cancel = workload.cancel_ps
        self._cancels = cancel if cancel is not None and cancel.any() else None
        self._gone: dict[int, int] = {}  # when the client of a request that has come goes away
        self._retries = workload.retry.attempts > 1
        self._is_plain = not (workload.has_ends or self._classes is not None or workload.hashes)

    def next_time(self) -> int | None:
        """When the next attempt that is known comes."""
        return self._next

    def _earliest(self) -> int | None:
        static = self._times[self._at]
        time = self._dynamic[0][0] if self._dynamic and self._dynamic[0][0] < static else static
        return None if time == NEVER else time

    def pop(self, now: int) -> Sequence | None:
        """The next attempt that has come by `now`."""
        time = self._next
        if time is None or time > now:
            return None
        at = self._at
        if self._times[at] == time:
            index, attempt = self._index[at], 1
            self._at = at + 1
        else:
            _, _, index, attempt = heappop(self._dynamic)
        if self._dynamic or self._times[self._at] == NEVER:
            self._next = self._earliest()
        else:
            self._next = self._times[self._at]
        self.attempts[index] = attempt
        seq = Sequence(index, time, self._prompt[index], self._output[index])
        if not self._is_plain:
            self._dress(seq, attempt)
        return seq

    def _dress(self, seq: Sequence, attempt: int) -> None:
        """What only some requests have: a class, hashes, an end of patience."""
        index = seq.index
        if self._classes is not None:
            seq.klass = int(self._classes[index])
        if self.workload.hashes is not None:
            seq.hashes = self.workload.hashes[index]
        if self._timeouts is not None and self._timeouts[index]:
            seq.deadline = seq.arrival + int(self._timeouts[index])
        if self._cancels is None or not self._cancels[index]:
            return
        if attempt == 1:
            self._gone[index] = seq.arrival + int(self._cancels[index])
        gone = self._gone[index]
        if seq.deadline is None or gone <= seq.deadline:
            seq.deadline, seq.cut_as = gone, State.CANCELLED

    def ended(self, seq: Sequence, time: int) -> bool:
        """Add what the end of an attempt at `time` brings; False if it is tried again."""
        index = seq.index
        if seq.state is State.CANCELLED:
            return True
        if self._retries and seq.state is not State.FINISHED:
            attempt, retry = self.attempts[index], self.workload.retry
            if attempt < retry.attempts:
                again = time + retry.wait_ps(index, attempt)
                if again >= self._gone.get(index, again + 1):
                    return True  # nobody is there any more who would try again
                self._add(again, index, attempt + 1)
                return False
        if self._followers:
            for follower in self._followers.pop(index, ()):
                self._add(time + int(self.workload.arrival_ps[follower]), follower, 1)
        return True

    def _add(self, time: int, index: int, attempt: int) -> None:
        self._known += 1
        heappush(self._dynamic, (time, self._known, index, attempt))
        if self._next is None or time < self._next:
            self._next = time

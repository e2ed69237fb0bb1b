"""The door: who comes when; next turns and retries are added as their reasons happen."""

from __future__ import annotations

from array import array
from heapq import heappop, heappush

import numpy as np

from finops.engine.sequence import Sequence, State
from finops.engine.workload import Column, Workload


def numbers(column: Column) -> array[int]:
    """The column as an array of which one element is read fast."""
    return array("q", np.ascontiguousarray(column, np.int64).tobytes())


class Arrivals:
    """Attempts by time; ties by the order in which they became known."""

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        free = np.flatnonzero(workload.after < 0)
        self._index = numbers(free)
        self._times = numbers(workload.arrival_ps[free])
        self._at = 0
        self._dynamic: list[tuple[int, int, int, int]] = []
        self._known = 0
        self._followers: dict[int, list[int]] = {}
        for index in np.flatnonzero(workload.after >= 0).tolist():
            self._followers.setdefault(int(workload.after[index]), []).append(index)
        self.attempts = numbers(np.ones(len(workload), np.int64))
        self._prompt = numbers(workload.prompt)
        self._output = numbers(workload.output)
        self._classes = workload.klass if workload.klass.any() else None
        self._timeouts = workload.timeout_ps if workload.timeout_ps.any() else None
        self._retries = workload.retry.attempts > 1

    @property
    def has_timeouts(self) -> bool:
        """Whether any client gives up."""
        return self._timeouts is not None

    def next_time(self) -> int | None:
        """When the next attempt that is known comes."""
        static = self._times[self._at] if self._at < len(self._times) else None
        if not self._dynamic:
            return static
        dynamic = self._dynamic[0][0]
        return dynamic if static is None or dynamic < static else static

    def pop(self, now: int) -> Sequence | None:
        """The next attempt that has come by `now`."""
        static = self._times[self._at] if self._at < len(self._times) else None
        if self._dynamic and (static is None or self._dynamic[0][0] < static):
            if self._dynamic[0][0] > now:
                return None
            time, _, index, attempt = heappop(self._dynamic)
            self.attempts[index] = attempt
            return self._sequence(index, time)
        if static is None or static > now:
            return None
        index = self._index[self._at]
        self._at += 1
        return self._sequence(index, static)

    def _sequence(self, index: int, time: int) -> Sequence:
        seq = Sequence(index, time, self._prompt[index], self._output[index])
        if self._classes is not None:
            seq.klass = int(self._classes[index])
        if self._timeouts is not None and self._timeouts[index]:
            seq.deadline = time + int(self._timeouts[index])
        if self.workload.hashes is not None:
            seq.hashes = self.workload.hashes[index]
        return seq

    def ended(self, seq: Sequence, time: int) -> bool:
        """Add what the end of an attempt at `time` brings; False if it is tried again."""
        index = seq.index
        if self._retries and seq.state is not State.FINISHED:
            attempt = self.attempts[index]
            retry = self.workload.retry
            if attempt < retry.attempts:
                self._add(time + retry.wait_ps(index, attempt), index, attempt + 1)
                return False
        for follower in self._followers.pop(index, ()):
            self._add(time + int(self.workload.arrival_ps[follower]), follower, 1)
        return True

    def _add(self, time: int, index: int, attempt: int) -> None:
        self._known += 1
        heappush(self._dynamic, (time, self._known, index, attempt))

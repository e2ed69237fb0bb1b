"""Autoscaling at work: looks at each group from time to time, orders replicas and lets them go."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial

import numpy as np

from finops.engine.cluster.autoscaling import Scaling, Signal
from finops.engine.cluster.door import Door
from finops.engine.cluster.fleet import Fleet, Member
from finops.engine.cluster.timeline import Timeline
from finops.engine.sequence import Sequence, State


class GroupScaler:
    """Watches one group."""

    def __init__(self, group: int, scaling: Scaling, fleet: Fleet, door: Door, now: int) -> None:
        self.group = group
        self.scaling = scaling
        self.fleet = fleet
        self.door = door
        self.changed = now
        self._samples: deque[tuple[int, int, int]] = deque([(now, 0, 0)])  # time, busy, up
        self._unseen: list[Sequence] = []  # their first token isn't out yet
        self._firsts: deque[tuple[int, int]] = deque()  # time of a first token, and its TTFT

    def sent(self, seq: Sequence) -> None:
        """A request went to the group."""
        if self.scaling.signal is Signal.TTFT:
            self._unseen.append(seq)

    def value(self, now: int) -> float | None:
        """The signal of each replica; None if there is nothing to see."""
        signal = self.scaling.signal
        members = self.fleet.open((self.group,))
        if signal is Signal.TTFT:
            return self._ttft_s(now)
        if signal is Signal.UTILISATION:
            return self._utilisation(now)
        waiting = signal is Signal.WAITING
        load = sum(member.waiting if waiting else member.requests for member in members)
        return (load + self.door.held(self.group)) / max(1, len(members))

    def _utilisation(self, now: int) -> float | None:
        members = [each for each in self.fleet.members.values() if each.group == self.group]
        busy = sum(member.busy_until(now) for member in members)
        last, _, up = self._samples[-1]
        # Between two looks the group is taken to have been as large as it is now.
        up += (now - last) * len(self.fleet.open((self.group,)))
        self._samples.append((now, busy, up))
        while self._samples[1][0] <= now - self.scaling.window_ps:
            self._samples.popleft()
        _, busy_before, up_before = self._samples[0]
        return (busy - busy_before) / (up - up_before) if up > up_before else None

    def _ttft_s(self, now: int) -> float | None:
        out = [seq for seq in self._unseen if 0 <= seq.first <= now]
        # Steps in progress are simulated to their end already: what they emit is still to come.
        self._unseen = [
            seq
            for seq in self._unseen
            if seq.first > now or (seq.first < 0 and seq.state < State.FINISHED)
        ]
        self._firsts.extend(sorted((seq.first, seq.first - seq.arrival) for seq in out))
        while self._firsts and self._firsts[0][0] <= now - self.scaling.window_ps:
            self._firsts.popleft()
        if not self._firsts:
            return None
        waits = [wait for _, wait in self._firsts]
        return float(np.percentile(waits, self.scaling.percentile)) / 1e12

    def change(self, now: int) -> int:
        """How many replicas to order now, or −1 to let one go."""
        value, up = self.value(now), len(self.fleet.started(self.group))
        wanted = self.scaling.desired(len(self.fleet.open((self.group,))), value)
        if wanted > up:
            self.changed = now
            return wanted - up
        return -1 if wanted < up and now - self.changed >= self.scaling.cooldown_ps else 0

    def to_let_go(self) -> Member | None:
        """Who has least to do, the youngest of equals; the last one only if it has nothing."""
        members = self.fleet.open((self.group,))
        if not members:
            return None
        member = min(members, key=lambda each: (each.requests, -each.index))
        if len(members) == 1 and (member.requests or self.door.held(self.group)):
            return None
        return member


class Scaler:
    """Watches all groups that scale."""

    def __init__(
        self,
        fleet: Fleet,
        door: Door,
        timeline: Timeline,
        opened: Callable[[int], None],
        more: Callable[[], bool],
        now: int,
    ) -> None:
        """`opened`: the group has one more that takes requests. `more`: not all is over yet."""
        self.fleet = fleet
        self.timeline = timeline
        self.opened = opened
        self.more = more
        self.groups = {
            number: GroupScaler(number, group.scaling, fleet, door, now)
            for number, group in enumerate(fleet.cluster.groups)
            if group.scaling is not None
        }
        self._looks = 0  # events of the timeline that are only these
        for number in self.groups:
            self._look_later(number, now)

    def _look_later(self, group: int, now: int) -> None:
        self._looks += 1
        every = self.groups[group].scaling.every_ps
        self.timeline.at(now + every, partial(self._look, group))

    def _look(self, group: int, now: int) -> None:
        self._looks -= 1
        scaler = self.groups[group]
        change = scaler.change(now)
        for _ in range(change):
            self._order(group, now)
        if change < 0 and (member := scaler.to_let_go()) is not None:
            scaler.changed = now
            self.fleet.drain(member, now)
        if self.more() or len(self.timeline) > self._looks:
            self._look_later(group, now)

    def _order(self, group: int, now: int) -> None:
        member = self.fleet.order(group, now)
        starts = now + self.groups[group].scaling.start_ps
        self.timeline.at(starts, partial(self._opened, member))

    def _opened(self, member: Member, now: int) -> None:
        self.fleet.opened(member)
        self.opened(member.group)

    def sent(self, seq: Sequence, group: int) -> None:
        """A request went to the group."""
        if group in self.groups:
            self.groups[group].sent(seq)

    def call_for(self, groups: tuple[int, ...], now: int) -> None:
        """A request came and nobody is up: order a replica, unless one is starting."""
        if not any(self.fleet.started(group) for group in groups):
            first = next(group for group in groups if group in self.groups)
            self.groups[first].changed = now
            self._order(first, now)

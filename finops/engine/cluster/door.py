"""The door of a cluster: to whom a request goes, and where it waits while nobody is up."""

from __future__ import annotations

import numpy as np

from finops.engine.arrivals import Arrivals
from finops.engine.cluster.fleet import Fleet, Member
from finops.engine.cluster.router import Router
from finops.engine.sequence import Sequence

Groups = tuple[int, ...]


class Door:
    """Counts turns by the groups that a request may go to, and holds those that can't go yet."""

    def __init__(self, fleet: Fleet, router: Router) -> None:
        self.fleet = fleet
        self.router = router
        self._turns: dict[Groups, int] = {}
        self._held: dict[Groups, dict[Sequence, None]] = {}  # in order

    def choose(self, seq: Sequence, groups: Groups) -> Member | None:
        """Who gets `seq`; None if no replica of the groups is up."""
        members = self.fleet.open(groups)
        if not members:
            return None
        turn = self._turns.get(groups, 0)
        self._turns[groups] = turn + 1
        return members[self.router.choose(seq, members, turn)]

    def hold(self, seq: Sequence, groups: Groups) -> None:
        """Let `seq` wait until a replica of the groups is up."""
        self._held.setdefault(groups, {})[seq] = None

    def give_up(self, seq: Sequence) -> bool:
        """Let `seq` wait no longer; False if it didn't any more."""
        for waiting in self._held.values():
            if seq in waiting:
                del waiting[seq]
                return True
        return False

    def held(self, group: int) -> int:
        """How many wait for the group, or for one of several of which it is the first."""
        held = self._held.items()
        return sum(len(waiting) for groups, waiting in held if groups[0] == group)

    def let_go(self, group: int) -> list[tuple[Sequence, Groups]]:
        """Those who waited for the group, in order; it is up now."""
        up = [groups for groups in self._held if group in groups]
        return [(seq, groups) for groups in up for seq in self._held.pop(groups)]


def lookahead(arrivals: Arrivals) -> int | None:
    """Picoseconds that must pass before what happens now can bring a request that isn't known yet.

    None: none ever comes. Replicas may be simulated that far ahead of each other.
    """
    workload = arrivals.workload
    follows = workload.after >= 0
    waits = [int(workload.arrival_ps[follows].min())] if bool(np.any(follows)) else []
    if workload.retry.attempts > 1:
        waits.append(workload.retry.backoff_ps)
    if not waits:
        return None
    # What follows a deadline is known at the end of a step after it, and may be due at once.
    return 1 if workload.has_ends else max(1, min(waits))

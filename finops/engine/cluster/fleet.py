"""The replicas of a cluster: which take requests, which start or stop, and what is paid for."""

from __future__ import annotations

from finops.engine.cluster.disaggregation import ReceivingPool
from finops.engine.cluster.lockstep import Lockstep
from finops.engine.cluster.replica import Replica
from finops.engine.cluster.result import ReplicaUse
from finops.engine.cluster.settings import Cluster
from finops.engine.policy import Policy

Member = Replica | Lockstep


class Fleet:
    """Members by index; a member is one replica, or all ranks of a group in lockstep."""

    def __init__(self, cluster: Cluster, now: int, fast: bool, heed: bool) -> None:
        self.cluster = cluster
        self.fast = fast
        self.heed = heed
        self.members: dict[int, Member] = {}
        self.starting: set[int] = set()
        self.draining: set[int] = set()
        self._next = 0
        self._open: dict[tuple[int, ...], list[Member]] = {}
        self._since: dict[int, int] = {}
        self._until: dict[int, int] = {}
        for group, kind in enumerate(cluster.groups):
            for _ in range(1 if kind.lockstep else kind.replicas):
                self.starting.discard(self.order(group, now).index)

    def order(self, group: int, now: int) -> Member:
        """One more replica of the group, paid for from now on; it starts until `opened`."""
        kind = self.cluster.groups[group]
        member: Member
        if kind.lockstep and isinstance(kind.policy, Policy):
            member = Lockstep(self._next, group, kind.policy, kind.step_time, kind.replicas)
        else:
            member = self._replica(group)
        self._next += len(member.ranks)
        self.members[member.index] = member
        self.starting.add(member.index)
        self._since[member.index] = now
        self._open.clear()
        return member

    def _replica(self, group: int) -> Replica:
        kind, split = self.cluster.groups[group], self.cluster.disaggregation
        fast, heed, pool = self.fast, self.heed, None
        if split is not None and kind.name == split.prefill:
            fast = False  # it only computes prompts, and may have to wait for blocks
        elif split is not None:
            heed, pool = True, ReceivingPool(kind.policy.blocks, kind.policy.block_size)
        return Replica(
            self._next, group, kind.policy, kind.step_time, fast=fast, heed=heed, pool=pool
        )

    def opened(self, member: Member) -> None:
        """It has started and takes requests."""
        self.starting.discard(member.index)
        self._open.clear()

    def drain(self, member: Member, now: int) -> None:
        """It takes no more requests, and stops when it has none."""
        self.draining.add(member.index)
        self._open.clear()
        self.stop_if_empty(member, now)

    def stop_if_empty(self, member: Member, now: int) -> None:
        """Stop one that drains and has nothing left."""
        if member.index in self.draining and not member.requests:
            self.draining.discard(member.index)
            self._until[member.index] = now
            self._open.clear()

    def open(self, door: tuple[int, ...]) -> list[Member]:
        """Those of the groups that take requests, by index."""
        found = self._open.get(door)
        if found is None:
            found = self._open[door] = [
                member
                for index, member in self.members.items()
                if member.group in door
                and index not in self.starting
                and index not in self.draining
                and index not in self._until
            ]
        return found

    def started(self, group: int) -> list[Member]:
        """Those of the group that take requests or will."""
        coming = [self.members[index] for index in sorted(self.starting)]
        return self.open((group,)) + [member for member in coming if member.group == group]

    def uses(self, now: int) -> tuple[ReplicaUse, ...]:
        """What each replica did and is paid for by the end of all, by index."""
        uses = []
        for index, member in self.members.items():
            kind = self.cluster.groups[member.group]
            up_ps = max(0, min(now, self._until.get(index, now)) - self._since[index])
            uses += [
                ReplicaUse(
                    kind.name,
                    up_ps,
                    rank.busy_ps,
                    rank.steps,
                    rank.tokens,
                    rank.served,
                    kind.usd_per_hour,
                )
                for rank in member.ranks
            ]
        return tuple(uses)

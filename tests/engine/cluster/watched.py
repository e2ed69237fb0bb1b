"""The loop of a cluster with its rules checked after each moment."""

from __future__ import annotations

from collections import Counter

from finops.engine.batching import BatchScheduler
from finops.engine.blocks import BlockPool
from finops.engine.cluster import Cluster, ClusterResult
from finops.engine.cluster.disaggregation import ReceivingPool
from finops.engine.cluster.fleet import Member
from finops.engine.cluster.hand_over import HandOver
from finops.engine.cluster.loop import ClusterSimulation
from finops.engine.sequence import Sequence, State
from finops.engine.workload import Workload


def check_blocks(pool: BlockPool, tables: list[list[int]]) -> None:
    """Every block is in one place: spare, idle, or in as many tables as it has holders."""
    held = Counter(block for table in tables for block in table)
    assert len(pool.spare) + len(pool.idle) + len(held) == pool.total
    assert not set(held) & (set(pool.spare) | set(pool.idle))
    assert pool.holders == {block: n for block, n in held.items() if block in pool.hash_of}


class Watched(ClusterSimulation):
    """Step by step; keeps the integral of the requests that are in the cluster."""

    def __init__(self, workload: Workload, cluster: Cluster) -> None:
        super().__init__(workload, cluster, fast=False)
        self.area_ps = 0
        self.clock = self.start

    def run(self) -> ClusterResult:
        result = super().run()
        self._check_all_is_over()
        return result

    def _next_time(self) -> int | None:
        time = super()._next_time()
        if time is not None:
            # No time is simulated twice; what is late is done now.
            later = max(self.clock, time)
            self.area_ps += (later - self.clock) * self._inside()
            self.clock = later
        return time

    def _inside(self) -> int:
        inside = sum(member.requests for member in self.fleet.members.values())
        inside += sum(self.door.held(group) for group in range(len(self.cluster.groups)))
        if self.hand_over is not None:
            receivers = self.hand_over.receivers.values()
            inside += sum(each.coming + len(each.inbox) for each in receivers)
        return inside

    def _start_steps(self, now: int) -> None:
        super()._start_steps(now)
        assert now == self.now == self.clock
        for member in self.fleet.members.values():
            self._check_work(member)
            # A step in progress is simulated to its end: those that it ends are still here.
            inside = member.live + (len(member.finished) if member.in_step else 0)
            assert sum(rank.requests for rank in member.ranks) == member.requests == inside
        for group in range(len(self.cluster.groups)):
            assert not (self.door.held(group) and self.fleet.open((group,)))
        if self.hand_over is not None:
            self._check_hand_over(self.hand_over)

    def _check_work(self, member: Member) -> None:
        """Who could do something does; whole batches and full prefill replicas may wait."""
        assert not member.in_step or member.end > self.now
        if member.in_step or not member.live:
            return
        waits = isinstance(member.ranks[0].scheduler, BatchScheduler)
        full = self.hand_over is not None and member.group == self.hand_over.prefill
        assert waits or full
        if full:
            assert not member.ranks[0].scheduler.running
            assert self._held(member)

    def _held(self, member: Member) -> list[list[int]]:
        assert self.hand_over is not None
        transfers = [each for link in self.hand_over.links.values() for each in link]
        transfers += [each for to in self.hand_over.receivers.values() for each in to.inbox]
        return [each.hold.blocks for each in transfers if each.source is member]

    def _check_hand_over(self, hand_over: HandOver) -> None:
        """Rule 13: what is on its way has blocks on both sides, and a bounded queue."""
        for member in self.fleet.members.values():
            scheduler = member.ranks[0].scheduler
            tables = [seq.blocks for seq in scheduler.running.values()]
            pool = scheduler.pool
            if isinstance(pool, ReceivingPool):
                tables += list(pool.kept.values())
                receiver = hand_over.receivers[member.index]
                assert scheduler.live + receiver.coming <= scheduler.policy.max_seqs
            else:
                tables += self._held(member)
                assert scheduler.preemptions == 0
            check_blocks(pool, tables)
        for link in hand_over.links.values():
            for transfer in link:
                pool, prompt = transfer.target.pool, transfer.seq.prompt
                assert len(pool.kept[transfer.seq]) >= pool.blocks_for(prompt)
                held = transfer.source.scheduler.pool.blocks_for(prompt)
                assert len(transfer.hold.blocks) == held

    def _check_all_is_over(self) -> None:
        for member in self.fleet.members.values():
            assert not (member.live or member.requests or member.prompt_tokens or member.in_step)
            for rank in member.ranks:
                check_blocks(rank.scheduler.pool, [])
        if self.hand_over is not None:
            assert not any(self.hand_over.links.values())
            for receiver in self.hand_over.receivers.values():
                assert not (receiver.inbox or receiver.coming or receiver.pool.kept)


class Counted(Watched):
    """Also counts how often each attempt ends."""

    def __init__(self, workload: Workload, cluster: Cluster) -> None:
        super().__init__(workload, cluster)
        self.ends_of: Counter[int] = Counter()
        self.finished_of: Counter[int] = Counter()

    def _over(self, seq: Sequence, time: int) -> None:
        super()._over(seq, time)
        self.ends_of[seq.index] += 1
        self.finished_of[seq.index] += seq.state is State.FINISHED

"""From prefill to decode: a place first, then the transfer; until its end both sides keep blocks.

1. The prompt is computed and the first token is there: the prefill replica holds the prompt's
   blocks, and the decode replica with the fewest requests is chosen.
2. Between two of its steps that replica keeps a seat and blocks, for those who came first first;
   not while one that it preempted waits, and only if whoever is there could still end.
3. The sender's link sends one prompt after the other. At the end the held blocks are given back,
   and the sequence is in the decode replica's next step.

Who gives up before 3 frees its blocks at once, or at the transfer's end if that has begun.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from finops.engine.cluster.disaggregation import Disaggregation, Hold, ReceivingPool
from finops.engine.cluster.fleet import Fleet, Member
from finops.engine.cluster.replica import Replica
from finops.engine.cluster.timeline import Timeline
from finops.engine.scheduler import Scheduler
from finops.engine.sequence import Sequence, State


@dataclass(eq=False, slots=True)
class Receiver:
    """A decode replica; who waits for a place, and how many have one but aren't here."""

    replica: Replica
    scheduler: Scheduler
    pool: ReceivingPool
    inbox: deque[Transfer] = field(default_factory=deque)
    coming: int = 0

    @property
    def load(self) -> int:
        """Requests that are here or will be."""
        return self.replica.requests + self.coming + len(self.inbox)

    def keep(self, seq: Sequence) -> bool:
        """Keep a seat and blocks for `seq`; False if it has to wait."""
        scheduler, pool = self.scheduler, self.pool
        preempted = self.replica.waiting - (len(pool.kept) - self.coming)
        if preempted or scheduler.live + self.coming >= scheduler.policy.max_seqs:
            return False
        if scheduler.policy.reserve:
            return pool.keep(seq, seq.longest)
        # Even if all others must go, whoever is here needs blocks for all of its answer.
        now = pool.blocks_for(seq.total)
        rest = [pool.blocks_for(seq.longest) - now]
        rest += [pool.blocks_for(other.longest) for other in scheduler.running.values()]
        rest += [pool.blocks_for(other.longest) - len(pool.kept[other]) for other in pool.kept]
        kept = now + sum(len(blocks) for blocks in pool.kept.values())
        return kept + max(rest) <= pool.total and pool.keep(seq, seq.total)


@dataclass(eq=False, slots=True)
class Transfer:
    """A prompt on its way, until it has `arrived`."""

    seq: Sequence
    source: Replica
    hold: Hold
    target: Receiver
    arrived: bool = False


class HandOver:
    """All prompts between the two groups; `transfers` counts those that were sent."""

    def __init__(
        self,
        split: Disaggregation,
        fleet: Fleet,
        timeline: Timeline,
        poke: Callable[[Member], None],
        over: Callable[[Sequence, int], None],
        placed: Callable[[int, int, int], None],
    ) -> None:
        """`poke`: something changed for a replica. `over`: a client gave up at that time.

        `placed`: a request, by its index, is at this replica of this group now.
        """
        self.split = split
        self.timeline = timeline
        self.poke = poke
        self.over = over
        self.placed = placed
        self.prefill = fleet.cluster.number(split.prefill)
        self.decode = fleet.cluster.number(split.decode)
        self.receivers: dict[int, Receiver] = {}
        for member in fleet.open((self.decode,)):
            scheduler, pool = member.ranks[0].scheduler, member.ranks[0].scheduler.pool
            if isinstance(scheduler, Scheduler) and isinstance(pool, ReceivingPool):
                self.receivers[member.index] = Receiver(member.ranks[0], scheduler, pool)
        self.links: dict[Replica, deque[Transfer]] = {}
        self.transfers = 0

    def fits(self, seq: Sequence) -> bool:
        """Whether a decode replica could hold the whole request."""
        return any(target.scheduler.fits(seq) for target in self.receivers.values())

    def prefilled(self, seq: Sequence, source: Replica, output: int) -> None:
        """The first token of `output` is there; find a place for the rest."""
        hold, seq = Hold.of(seq, source.scheduler.pool), to_decode(seq, output)
        target = min(self.receivers.values(), key=lambda receiver: receiver.load)
        transfer = Transfer(seq, source, hold, target)
        target.inbox.append(transfer)
        if seq.deadline is not None:
            self.timeline.at(seq.deadline, partial(self._give_up, transfer, seq.deadline))
        self.poke(target.replica)

    def reserve(self, index: int, now: int) -> None:
        """Keep places on a decode replica, which is between two steps, for those who wait."""
        target = self.receivers[index]
        while target.inbox and target.keep(target.inbox[0].seq):
            transfer = target.inbox.popleft()
            target.coming += 1
            link = self.links.setdefault(transfer.source, deque())
            link.append(transfer)
            if len(link) == 1:
                self._send(link, now)

    def _send(self, link: deque[Transfer], now: int) -> None:
        """Start the first transfer of the link whose client is still there."""
        while link:
            seq = link[0].seq
            if seq.state is State.WAITING:
                self.transfers += 1
                arrives = now + self.split.transfer_ps(seq.prompt)
                self.timeline.at(arrives, partial(self._arrive, link))
                return
            self._end(link.popleft())

    def _arrive(self, link: deque[Transfer], now: int) -> None:
        """The first transfer of the link has ended: both sides go on."""
        transfer = link.popleft()
        if transfer.seq.state is State.WAITING:
            transfer.arrived = True
            transfer.target.coming -= 1
            self._release(transfer)
            replica = transfer.target.replica
            replica.add(transfer.seq)  # it fits, and the queue has no limit
            self.placed(transfer.seq.index, replica.index, replica.group)
            self.poke(replica)
        else:
            self._end(transfer)
        self._send(link, now)

    def _give_up(self, transfer: Transfer, deadline: int, now: int) -> None:
        """The client has gone; once the prompt has arrived that is the decode replica's affair."""
        seq, target = transfer.seq, transfer.target
        if transfer.arrived:
            return
        if transfer in target.inbox:
            target.inbox.remove(transfer)
            self._release(transfer)
            self.poke(target.replica)
        self.over(seq, deadline)

    def _end(self, transfer: Transfer) -> None:
        """Free the blocks on both sides of one whose client has gone."""
        self._release(transfer)
        transfer.target.coming -= 1
        transfer.target.pool.forget(transfer.seq)
        self.poke(transfer.target.replica)

    def _release(self, transfer: Transfer) -> None:
        transfer.source.scheduler.pool.release(transfer.hold)
        self.poke(transfer.source)

    def dropped(self, seq: Sequence, index: int) -> None:
        """Free what was kept for one that gave up between its arrival and its first step there."""
        if index in self.receivers and seq in self.receivers[index].pool.kept:
            self.receivers[index].pool.forget(seq)


def to_decode(prefilled: Sequence, output: int) -> Sequence:
    """The sequence as the decode replica gets it: its first token is out."""
    seq = Sequence(
        prefilled.index,
        prefilled.arrival,
        prefilled.prompt,
        output,
        klass=prefilled.klass,
        deadline=prefilled.deadline,
        hashes=prefilled.hashes,
    )
    seq.total, seq.generated = prefilled.total, prefilled.generated
    seq.scheduled, seq.first = prefilled.scheduled, prefilled.first
    seq.cached, seq.cut_as = prefilled.cached, prefilled.cut_as
    return seq

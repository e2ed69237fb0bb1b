"""Traffic through a cluster in simulated time: who comes where, who is done, what starts next.

At each moment, in this order: steps end, by index of their replica; what was due happens (a replica
has started, a transfer ended, autoscaling looks); requests come and are routed; those whose client
gave up are cut off on replicas that are between two steps, and their retries come; steps start. A
request that comes in the middle of a step is in its replica's queue at once, and in a step from the
next one on. What a client does after its deadline (a retry, the next turn) is known when the
replica notices, at the end of its step: it is routed then, also if it is due earlier.
"""

from __future__ import annotations

from functools import partial
from heapq import heappop, heappush

from finops.engine.arrivals import Arrivals
from finops.engine.cluster.door import Door, Groups, lookahead
from finops.engine.cluster.escalation import Escalation
from finops.engine.cluster.fleet import Fleet, Member
from finops.engine.cluster.hand_over import HandOver
from finops.engine.cluster.result import ClusterLedger, ClusterResult
from finops.engine.cluster.scaler import Scaler
from finops.engine.cluster.settings import Cluster
from finops.engine.cluster.timeline import Timeline
from finops.engine.errors import InvalidWorkload
from finops.engine.result import column
from finops.engine.sequence import Sequence, State
from finops.engine.workload import Workload


def simulate_cluster(workload: Workload, cluster: Cluster, *, fast: bool = True) -> ClusterResult:
    """Serve the workload by the cluster; the same result, to the bit, fast or step by step.

    Raises InvalidWorkload for a class that a group doesn't have, or an escalation of another size.
    """
    classes = min(len(group.policy.classes) for group in cluster.groups)
    if len(workload) and int(workload.klass.max()) >= classes:
        raise InvalidWorkload("A request's class is not one of every group's.")
    if cluster.escalation is not None and len(cluster.escalation.fails) != len(workload):
        raise InvalidWorkload("The escalation must say of each request whether it fails.")
    return ClusterSimulation(workload, cluster, fast).run()


class ClusterSimulation:
    """The loop; what is special to a kind of cluster is done by those it holds."""

    def __init__(self, workload: Workload, cluster: Cluster, fast: bool) -> None:
        self.workload = workload
        self.cluster = cluster
        self.arrivals = Arrivals(workload)
        self.ledger = ClusterLedger(len(workload))
        self.start = self.now = self.end = self.arrivals.next_time() or 0
        heed = workload.has_ends or cluster.router.sees_blocks
        self.fleet = Fleet(cluster, self.start, fast, heed)
        self.door = Door(self.fleet, cluster.router)
        self.timeline = Timeline()
        self.ends: list[tuple[int, int]] = []  # of steps, with the member's index
        self.due: set[int] = set()  # between two steps, to be looked at now
        self.parked: set[int] = set()  # hold requests but wait for something
        self.doors = [
            cluster.door(klass) for klass in range(int(max(workload.klass, default=0)) + 1)
        ]
        self.scaler = Scaler(
            self.fleet, self.door, self.timeline, self._let_go, self._more_to_come, self.start
        )
        self.hand_over: HandOver | None = None
        self.escalation = cluster.escalation
        self.small = self.large = -1
        self.sources, self.receivers = frozenset[int](), frozenset[int]()
        self._set_up_stages()
        alone = len(self.fleet.members) == 1 and not self.scaler.groups
        self.impatient = workload.has_ends
        self.lookahead = None if alone else lookahead(self.arrivals)

    def _set_up_stages(self) -> None:
        """Groups that hand requests on, and those that get them."""
        cluster = self.cluster
        if cluster.disaggregation is not None:
            self.hand_over = HandOver(
                cluster.disaggregation,
                self.fleet,
                self.timeline,
                self._poke,
                self._gave_up,
                self.ledger.placed,
            )
            self.sources = frozenset([self.hand_over.prefill])
            self.receivers = frozenset([self.hand_over.decode])
        if self.escalation is not None:
            self.small = cluster.number(self.escalation.small)
            self.large = cluster.number(self.escalation.large)
            self.sources, self.receivers = frozenset([self.small]), frozenset([self.large])

    def run(self) -> ClusterResult:
        """Until nobody comes, waits or runs any more."""
        while (time := self._next_time()) is not None:
            self.now = now = max(self.now, time)
            if self.ends and self.ends[0][0] <= now:
                self._end_steps(now)
            self.timeline.happen(now)
            self._let_in(now)
            while self.impatient and self._cut_off(now):
                self._let_in(now)
            self._start_steps(now)
        return self._result()

    def _next_time(self) -> int | None:
        times = (self.arrivals.next_time(), self.timeline.next_time())
        time = self.ends[0][0] if self.ends else None
        for other in times:
            if other is not None and (time is None or other < time):
                time = other
        return time

    def _more_to_come(self) -> bool:
        members = self.fleet.members.values()
        return self.arrivals.next_time() is not None or any(each.requests for each in members)

    def _poke(self, member: Member) -> None:
        """Look at a member again, now or at the end of its step."""
        if not member.in_step:
            self.due.add(member.index)

    def _end_steps(self, now: int) -> None:
        ends = self.ends
        while ends and ends[0][0] <= now:
            self.end, index = heappop(ends)
            member = self.fleet.members[index]
            member.in_step = False
            self.due.add(index)
            for seq in member.finished:
                self._finished(seq, member)

    def _finished(self, seq: Sequence, member: Member) -> None:
        """A replica has done its part: the whole, the prefill, or what isn't good enough."""
        member.leave(seq, served=True)
        self.fleet.stop_if_empty(member, self.now)
        output = int(self.workload.output[seq.index])
        if self.hand_over is not None and seq.target < output:
            self.hand_over.prefilled(seq, member.ranks[0], output)
        elif self.escalation is not None and member.group == self.small:
            self._checked(seq, self.escalation)
        else:
            self._over(seq, self.now)

    def _checked(self, seq: Sequence, escalation: Escalation) -> None:
        """The small model has answered: well, or the large one has to."""
        if escalation.fails[seq.index]:
            self.ledger.escalated[seq.index] = 1
            self.timeline.at(self.now + escalation.check_ps, partial(self._escalate, seq))
        else:
            self._over(seq, self.now)

    def _escalate(self, small: Sequence, now: int) -> None:
        if small.deadline is not None and small.deadline <= now:
            self._gave_up(small, small.deadline)
            return
        index, workload = small.index, self.workload
        large = Sequence(
            index, now, small.prompt, small.target, klass=small.klass, deadline=small.deadline
        )
        large.cut_as = small.cut_as
        if workload.hashes is not None:
            large.hashes = workload.hashes[index]
        self._send(large, (self.large,), now)

    def _let_in(self, now: int) -> None:
        """Route all who have come."""
        while (seq := self.arrivals.pop(now)) is not None:
            self.ledger.came(seq)
            if self.escalation is not None:
                self.ledger.escalated[seq.index] = 0
            if self.hand_over is not None:
                if not self.hand_over.fits(seq):
                    self._reject(seq, seq.arrival)
                    continue
                seq.target = 1
            self._send(seq, self.doors[seq.klass], seq.arrival)

    def _send(self, seq: Sequence, groups: Groups, time: int) -> None:
        """Give `seq` to the replica that the router chooses; at `time` it may be rejected."""
        member = self.door.choose(seq, groups)
        if member is None:
            self._hold(seq, groups)
        elif not member.add(seq):
            self._reject(seq, time)
        else:
            rank = member.rank_of(seq)
            self.ledger.placed(seq.index, rank.index, rank.group)
            self.scaler.sent(seq, rank.group)
            self._poke(member)

    def _hold(self, seq: Sequence, groups: Groups) -> None:
        """Nobody is up: wait for a replica, and see that one starts."""
        self.ledger.placed(seq.index, -1, -1)
        self.door.hold(seq, groups)
        if seq.deadline is not None:
            self.timeline.at(seq.deadline, partial(self._cut_at_door, seq, seq.deadline))
        self.scaler.call_for(groups, self.now)

    def _cut_at_door(self, seq: Sequence, deadline: int, now: int) -> None:
        if self.door.give_up(seq):
            self._gave_up(seq, deadline)

    def _let_go(self, group: int) -> None:
        """A replica of the group is up: route those who waited for one."""
        for seq, groups in self.door.let_go(group):
            self._send(seq, groups, self.now)

    def _reject(self, seq: Sequence, time: int) -> None:
        seq.state = State.REJECTED
        self.ledger.placed(seq.index, -1, -1)
        self._over(seq, time)

    def _cut_off(self, now: int) -> bool:
        """End those whose client gave up on replicas between two steps, at its deadline; any?"""
        any_cut = False
        for index in sorted(self.due):
            member = self.fleet.members[index]
            for seq, deadline in member.cut_off(now):
                any_cut = True
                member.leave(seq)
                if self.hand_over is not None:
                    self.hand_over.dropped(seq, index)
                self._gave_up(seq, deadline)
            self.fleet.stop_if_empty(member, now)
        return any_cut

    def _gave_up(self, seq: Sequence, time: int) -> None:
        """The client of `seq`, which no replica holds any more, has gone at `time`."""
        seq.state = seq.cut_as
        self._over(seq, time)

    def _over(self, seq: Sequence, time: int) -> None:
        """An attempt has ended for its client."""
        if time > seq.arrival:
            self.end = max(self.end, time)
        self.ledger.ended(seq, time)
        self.arrivals.ended(seq, time)

    def _start_steps(self, now: int) -> None:
        """Start the next step, or several, of all that stand between two."""
        arrival = self.arrivals.next_time()
        if arrival is None:
            self.due |= self.parked  # a static batch waits no longer
        if len(self.due) == 1:
            self._start_step(self.fleet.members[self.due.pop()], now, arrival)
            return
        # Those that hand requests on go first: the others may then go as far as their steps do.
        members = [self.fleet.members[index] for index in sorted(self.due)]
        members.sort(key=self._is_receiver)
        self.due.clear()
        for member in members:
            self._start_step(member, now, arrival)

    def _is_receiver(self, member: Member) -> bool:
        return member.group in self.receivers

    def _start_step(self, member: Member, now: int, arrival: int | None) -> None:
        if self.hand_over is not None and member.group == self.hand_over.decode:
            self.hand_over.reserve(member.index, now)
        self.parked.discard(member.index)
        if not member.live:
            return
        horizon = arrival
        if self.receivers or self.lookahead is not None:
            horizon = self._horizon(member, arrival)
        end = member.advance(now, arrival, horizon)
        if end is not None:
            heappush(self.ends, (end, member.index))
            return
        self.parked.add(member.index)
        if (wake := member.wake()) is not None:
            self.timeline.at(wake, lambda _: self._poke(member))

    def _horizon(self, member: Member, arrival: int | None) -> int | None:
        """Until when nothing can come to `member` that isn't known: see `lookahead`."""
        times = [] if arrival is None else [arrival]
        if self.lookahead is not None:
            times.append(self.now + self.lookahead)
        if member.group in self.receivers:
            delay = self.escalation.check_ps if self.escalation is not None else 0
            if (event := self.timeline.next_time()) is not None:
                times.append(event)
            times += [
                end + delay
                for end, index in self.ends
                if self.fleet.members[index].group in self.sources
            ]
        return min(times, default=None)

    def _result(self) -> ClusterResult:
        ledger, uses = self.ledger, self.fleet.uses(self.end)
        return ClusterResult(
            **ledger.columns(),
            output=self.workload.output,
            attempts=column(self.arrivals.attempts),
            busy_ps=sum(use.busy_ps for use in uses),
            start_ps=self.start,
            end_ps=self.end,
            steps=sum(use.steps for use in uses),
            computed_tokens=sum(use.tokens for use in uses),
            replica=column(ledger.replica),
            group=column(ledger.group),
            escalated=column(ledger.escalated),
            replicas=uses,
        )

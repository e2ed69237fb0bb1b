"""The plain runner with the rules of a step checked around each step."""

from __future__ import annotations

from collections import Counter

from finops.engine.blocks import BlockPool
from finops.engine.executor import StepTime, step_ps
from finops.engine.policy import Policy
from finops.engine.result import Result
from finops.engine.scheduler import Scheduler, Step
from finops.engine.sequence import Sequence, State
from finops.engine.simulate import Simulation
from finops.engine.stepwise import Stepwise
from finops.engine.workload import Workload


def check_blocks(pool: BlockPool, running: list[Sequence]) -> None:
    """Every block is in one place, and what is shared is counted right."""
    tables = Counter(block for seq in running for block in seq.blocks)
    assert len(pool.spare) + len(pool.idle) + len(tables) == pool.total
    assert not set(pool.spare) & (set(pool.idle) | set(tables))
    assert not set(pool.idle) & set(tables)
    assert pool.holders == {block: n for block, n in tables.items() if block in pool.hash_of}
    assert all(n == 1 for block, n in tables.items() if block not in pool.hash_of)
    assert {key: block for block, key in pool.hash_of.items()} == pool.block_of
    assert dict(pool.idle) == {b: h for b, h in pool.hash_of.items() if b not in tables}


def check_roots_stay(pool: BlockPool, chains: list[tuple[int, ...]]) -> None:
    """What follows a prefix is never findable without it, and is evicted before it."""
    place = {block: at for at, block in enumerate(pool.idle)}
    for hashes in chains:
        there = [key in pool.block_of for key in hashes]
        assert there == sorted(there, reverse=True)
        idle = [pool.block_of[key] for key in hashes if key in pool.block_of]
        places = [place[block] for block in idle if block in place]
        assert places == sorted(places, reverse=True)


def check_step(scheduler: Scheduler, step: Step, before: set[int]) -> None:
    """The budget, the order and the victims of a step."""
    policy = scheduler.policy
    assert sum(count for _, count in step.work) <= policy.max_tokens
    assert len(scheduler.running) <= policy.max_seqs
    assert all(0 < count <= seq.total - seq.computed for seq, count in step.work)
    partial = [count < seq.total - seq.computed for seq, count in step.work]
    assert not any(partial[:-1])
    if any(partial):
        assert sum(count for _, count in step.work) == policy.max_tokens
    admitted = [seq.admission not in before for seq, _ in step.work]
    assert admitted == sorted(admitted)
    # Nobody who ran before and runs on is left out: the budget has a token for each.
    there = {seq.admission for seq, _ in step.work}
    assert {number for number in scheduler.running if number in before} <= there
    for seq, count in step.work:
        assert len(seq.blocks) >= scheduler.pool.blocks_for(seq.computed + count)
    if step.preempted:
        assert not policy.reserve
        assert not any(admitted)
        assert all(not victim.blocks and victim.computed == 0 for victim in step.preempted)
        last = min(victim.order for victim in step.preempted)
        assert all(seq.order < last for seq in scheduler.running.values())
    for klass, service in enumerate(policy.classes):
        running = sum(seq.klass == klass for seq in scheduler.running.values())
        assert running == scheduler.running_of[klass] <= (service.max_seqs or running)


def check_nothing_left_out(scheduler: Scheduler, step: Step) -> None:
    """Whoever could have been admitted was."""
    policy = scheduler.policy
    left = policy.max_tokens - sum(count for _, count in step.work)
    head = scheduler.waiting.head(scheduler.running_of)
    full = len(scheduler.running) == policy.max_seqs
    if not step.preempted and left and not full and head is not None:
        tokens = head.longest if policy.reserve else head.total
        assert not scheduler.pool.can_admit(head, scheduler.pool.match(head), tokens)
    assert step.work or not scheduler.live


class Watched(Stepwise):
    """Checks every step of a continuous scheduler."""

    scheduler: Scheduler

    def __init__(self, scheduler: Scheduler, step_time: StepTime, workload: Workload) -> None:
        super().__init__(scheduler, step_time)
        self.chains = list(workload.hashes or ()) if scheduler.policy.prefix_cache else []
        self.clock = -1
        self.ended = -1
        self.firsts: dict[Sequence, int] = {}
        self.generated: dict[Sequence, int] = {}
        self.kept: dict[Sequence, tuple[tuple[int, int], int, int]] = {}

    def advance(self, now: int, arrival: int | None, deadline: int | None) -> int | None:
        assert now > self.clock
        self.clock = now
        self._check_idle(now)
        before = set(self.scheduler.running)
        self._check_pool()
        step = self.scheduler.schedule(now)
        self._check_pool()
        check_step(self.scheduler, step, before)
        check_nothing_left_out(self.scheduler, step)
        end = now + step_ps(self.step_time, *step.sizes())
        self.finished = self.scheduler.apply(step, end)
        self.steps += 1
        self.tokens += sum(count for _, count in step.work)
        self.ended = end
        self._check_sequences(step)
        self._check_pool()
        return end

    def _check_idle(self, now: int) -> None:
        """Between two steps is no time unless nobody was there."""
        scheduler = self.scheduler
        if now > self.ended:
            waiting = [seq for heap in scheduler.waiting.heaps for _, seq in heap]
            live = [seq for seq in waiting if seq.state is State.WAITING]
            assert not scheduler.running
            assert live
            assert all(seq.arrival == now for seq in live)

    def _check_pool(self) -> None:
        check_blocks(self.scheduler.pool, list(self.scheduler.running.values()))
        check_roots_stay(self.scheduler.pool, self.chains)

    def _check_sequences(self, step: Step) -> None:
        for seq, _ in step.work:
            assert seq.computed < seq.total or seq.state is State.FINISHED
            assert seq.total == seq.prompt + seq.generated
            if seq.first >= 0:
                assert self.firsts.setdefault(seq, seq.first) == seq.first
            # A preemption changes neither its place in the queue nor its hits, and loses no token.
            kept = (seq.order, seq.scheduled, seq.cached)
            assert self.kept.setdefault(seq, kept) == kept
            assert 0 <= seq.generated - self.generated.get(seq, 0) <= 1
            self.generated[seq] = seq.generated
        for seq in self.finished:
            assert seq.generated == seq.target
            assert not seq.blocks

    def drop(self, seq: Sequence) -> None:
        held = len(seq.blocks)
        available = self.scheduler.pool.available
        super().drop(seq)
        assert not seq.blocks
        assert self.scheduler.pool.available <= available + held
        self._check_pool()


def run_watched(workload: Workload, policy: Policy, step_time: StepTime) -> Result:
    """Simulate with every step checked."""
    simulation = Simulation(workload, policy, step_time, fast=False, journal=None)
    assert isinstance(simulation.scheduler, Scheduler)
    simulation.runner = Watched(simulation.scheduler, step_time, workload)
    result = simulation.run()
    assert not simulation.scheduler.running
    return result

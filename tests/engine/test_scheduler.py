"""Hand-worked steps of the continuous scheduler."""

from __future__ import annotations

from finops.engine.policy import Policy, ServiceClass
from finops.engine.scheduler import Scheduler
from finops.engine.sequence import Sequence, State


def work(scheduler: Scheduler, now: int) -> list[tuple[int, int]]:
    """Do one step; index and tokens of each sequence in it."""
    step = scheduler.schedule(now)
    done = [(seq.index, count) for seq, count in step.work]
    scheduler.apply(step, now + 1)
    return done


def test_a_victim_gives_back_what_it_was_granted_in_this_very_step() -> None:
    classes = (ServiceClass("chat"), ServiceClass("batch", priority=1))
    scheduler = Scheduler(Policy(blocks=5, block_size=4, max_seqs=3, max_tokens=4, classes=classes))
    low = Sequence(0, 0, prompt=1, target=10, klass=1)
    assert scheduler.add(low)
    assert work(scheduler, 0) == [(0, 1)]
    assert scheduler.add(Sequence(1, 1, prompt=4, target=4))
    assert scheduler.add(Sequence(2, 1, prompt=12, target=2))
    assert work(scheduler, 1) == [(0, 1), (1, 3)]
    assert work(scheduler, 2) == [(0, 1), (1, 1), (2, 2)]
    # All 5 blocks are taken and sequence 1 needs a second. Sequence 0 is first in the batch and
    # had got a token; it goes, and its token and its block are the others'.
    assert work(scheduler, 3) == [(1, 1), (2, 3)]
    assert low.state is State.WAITING
    assert (low.computed, low.generated, low.total) == (0, 3, 4)


def test_a_long_prompt_is_computed_in_chunks_beside_those_that_decode() -> None:
    scheduler = Scheduler(Policy(blocks=20, max_seqs=4, max_tokens=8))
    scheduler.add(Sequence(0, 0, prompt=3, target=9))
    scheduler.add(Sequence(1, 0, prompt=14, target=2))
    scheduler.add(Sequence(2, 0, prompt=2, target=2))
    steps = [work(scheduler, now) for now in range(3)]
    assert steps == [[(0, 3), (1, 5)], [(0, 1), (1, 7)], [(0, 1), (1, 2), (2, 2)]]


def test_who_shares_a_prefix_computes_only_the_rest() -> None:
    scheduler = Scheduler(Policy(blocks=20, block_size=4, max_tokens=300))
    scheduler.add(Sequence(0, 0, prompt=10, target=1, hashes=(7, 8)))
    assert work(scheduler, 0) == [(0, 10)]
    again, longer = (
        Sequence(1, 1, prompt=8, target=1, hashes=(7, 8)),
        Sequence(2, 1, prompt=13, target=1, hashes=(7, 8, 9)),
    )
    scheduler.add(again)
    scheduler.add(longer)
    # The last token of a prompt is always computed, so only one block of the eight tokens is a hit.
    assert work(scheduler, 1) == [(1, 4), (2, 5)]
    assert (again.cached, longer.cached) == (4, 8)


def test_the_next_turn_finds_the_answer_of_the_one_before() -> None:
    scheduler = Scheduler(Policy(blocks=20, block_size=4, max_tokens=300))
    scheduler.add(Sequence(0, 0, prompt=4, target=5, hashes=(7, 8)))
    assert [work(scheduler, now) for now in range(5)] == [[(0, 4)], *[[(0, 1)]] * 4]
    # Four tokens of the prompt and four of the answer are stored: two full blocks.
    turn = Sequence(1, 5, prompt=9, target=1, hashes=(7, 8))
    scheduler.add(turn)
    assert work(scheduler, 5) == [(1, 1)]
    assert turn.cached == 8


def test_who_was_preempted_goes_first_in_the_order_of_arrival_and_its_recompute_is_no_hit() -> None:
    scheduler = Scheduler(Policy(blocks=8, block_size=4, max_seqs=3, max_tokens=40))
    first = Sequence(0, 0, prompt=8, target=9)
    middle = Sequence(1, 1, prompt=4, target=12, hashes=(5,))
    last = Sequence(2, 2, prompt=4, target=12, hashes=(6,))
    late = Sequence(3, 3, prompt=4, target=1)
    for seq in (first, middle, last):
        scheduler.add(seq)
    work(scheduler, 3)
    scheduler.add(late)
    # Steps 2 to 5 need a block each for all three: 2 + 1 + 1 blocks become 3 + 2 + 2 of eight.
    for now in range(4, 8):
        assert work(scheduler, now) == [(0, 1), (1, 1), (2, 1)]
    # Step 6: each needs one more, and there is one: the last in order goes.
    assert work(scheduler, 8) == [(0, 1), (1, 1)]
    assert (last.state, last.preemptions, middle.state) == (State.WAITING, 1, State.RUNNING)
    # Its prompt stays in an idle block, which the late one would fit into; but nobody passes it.
    assert work(scheduler, 9) == [(0, 1), (1, 1)]
    for now in range(10, 12):
        assert work(scheduler, now) == [(0, 1), (1, 1)]
    # The first is done with nine tokens. Then the last one computes its prompt's rest and answer
    # again: block 6 is still there, and that is no hit of the prefix cache; the late one follows.
    assert first.state is State.FINISHED
    assert work(scheduler, 12) == [(1, 1), (2, 5), (3, 4)]
    assert (last.cached, last.generated) == (0, 6)

"""What clients do while they wait: they go away, give up, and send what depends on an answer."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
import pytest

from finops.engine.errors import InvalidWorkload
from finops.engine.executor import LinearStepTime
from finops.engine.policy import BatchPolicy, Policy, ServiceClass
from finops.engine.scheduler import Scheduler
from finops.engine.sequence import State
from finops.engine.simulate import Simulation, simulate
from finops.engine.workload import Request, Retry, Workload

STEP = LinearStepTime(100)


class Way(TypedDict):
    """Fast, step by step, or in machine code where numba is there."""

    fast: bool
    compiled: bool


in_every_way = pytest.mark.parametrize(
    "way",
    [
        Way(fast=True, compiled=False),
        Way(fast=False, compiled=False),
        Way(fast=True, compiled=True),
    ],
    ids=["fast", "step by step", "compiled"],
)


@in_every_way
def test_who_goes_away_is_cut_off_then_and_not_tried_again(way: Way) -> None:
    workload = Workload.of([Request(0, 4, 10, cancel_ps=450)], Retry(attempts=3, backoff_ps=10))
    result = simulate(workload, Policy(blocks=10), STEP, **way)
    assert result.status.tolist() == [State.CANCELLED]
    assert result.attempts.tolist() == [1]
    # It ends when its client goes; the step that runs then is done to its end, at 500.
    assert (result.first_ps[0], result.finish_ps[0]) == (100, 450)
    assert (result.steps, result.busy_ps) == (5, 500)


@in_every_way
def test_the_blocks_of_who_goes_away_are_the_next_ones_in_the_same_step(way: Way) -> None:
    # The first has all 65 blocks from the start, so the second can only start when it has gone.
    requests = [Request(0, 32, 1_000, cancel_ps=250), Request(10, 20, 2)]
    policy = Policy(blocks=65, max_seqs=4, reserve=True)
    result = simulate(Workload.of(requests), policy, STEP, **way)
    assert result.status.tolist() == [State.CANCELLED, State.FINISHED]
    assert result.scheduled_ps.tolist() == [0, 300]


@in_every_way
def test_the_next_turns_of_who_has_gone_are_never_sent(way: Way) -> None:
    requests = [
        Request(0, 4, 10, cancel_ps=250),
        Request(50, 4, 2, after=0),
        Request(50, 4, 2, after=1),
        Request(400, 4, 2),
    ]
    result = simulate(Workload.of(requests), Policy(blocks=10), STEP, **way)
    never = State.NOT_SENT
    assert result.status.tolist() == [State.CANCELLED, never, never, State.FINISHED]
    assert result.arrival_ps.tolist() == [0, -1, -1, 400]
    assert result.attempts.tolist() == [1, 0, 0, 1]


@in_every_way
def test_nobody_who_has_gone_tries_again_after_a_timeout(way: Way) -> None:
    def serve(cancel_ps: int) -> list[int]:
        row = Request(0, 4, 50, timeout_ps=300, cancel_ps=cancel_ps)
        workload = Workload.of([row], Retry(attempts=3, backoff_ps=500))
        result = simulate(workload, Policy(blocks=10), STEP, **way)
        return [int(result.status[0]), int(result.attempts[0]), int(result.finish_ps[0])]

    # Given up at 300, again from 800 to 1,100, and from 2,100 on.
    assert serve(800) == [State.TIMED_OUT, 1, 300]
    assert serve(900) == [State.CANCELLED, 2, 900]
    assert serve(801) == [State.CANCELLED, 2, 801]
    assert serve(5_000) == [State.TIMED_OUT, 3, 2_400]


@in_every_way
def test_going_away_in_the_queue_and_at_the_very_timeout_counts_as_going_away(way: Way) -> None:
    requests = [Request(0, 4, 20), Request(10, 4, 2, timeout_ps=90, cancel_ps=90)]
    result = simulate(Workload.of(requests), Policy(blocks=10, max_seqs=1), STEP, **way)
    assert result.status.tolist() == [State.FINISHED, State.CANCELLED]
    assert (result.scheduled_ps[1], result.finish_ps[1]) == (-1, 100)


@in_every_way
def test_a_batch_keeps_the_row_of_who_has_gone_until_it_is_over(way: Way) -> None:
    requests = [Request(0, 4, 3), Request(0, 4, 9, cancel_ps=150), Request(1, 4, 1)]
    policy = BatchPolicy(blocks=20, max_seqs=2)
    time = LinearStepTime(100, row_ps=10)
    result = simulate(Workload.of(requests), policy, time, **way)
    # Three steps of two rows for the first, although nobody needs the second row from 240 on.
    assert result.finish_ps.tolist() == [360, 150, 470]
    assert result.steps == 4


@in_every_way
def test_those_who_come_at_the_same_time_are_served_in_the_order_in_which_it_was_known(
    way: Way,
) -> None:
    # The first ends at 200; its next turns come at 300, when another comes for the first time.
    requests = [
        Request(0, 4, 2),
        Request(100, 4, 1, after=0),
        Request(100, 4, 2, after=0),
        Request(300, 4, 3),
    ]
    result = simulate(Workload.of(requests), Policy(blocks=10, max_seqs=1), STEP, **way)
    assert result.arrival_ps.tolist() == [0, 300, 300, 300]
    assert result.scheduled_ps.tolist() == [0, 600, 700, 300]


@in_every_way
def test_next_turns_come_in_the_order_of_the_ends_before_them_not_of_rows(way: Way) -> None:
    requests = [
        Request(0, 4, 3),
        Request(0, 4, 1),
        Request(0, 4, 2),
        Request(200, 6, 1, after=0),
        Request(400, 6, 1, after=1),
        Request(300, 6, 1, after=2),
    ]
    policy = Policy(blocks=10, max_seqs=3, max_tokens=12)
    result = simulate(Workload.of(requests), policy, STEP, **way)
    assert result.arrival_ps.tolist() == [0, 0, 0, 500, 500, 500]
    # The second ended first and the first last; a step has room for two of the next turns.
    assert result.first_ps.tolist()[3:] == [700, 600, 600]


@in_every_way
def test_who_gave_up_in_the_queue_no_longer_fills_it_for_the_next(way: Way) -> None:
    # Nobody else may run, so nothing but the queue changes until the first is done at 5,000.
    policy = Policy(blocks=50, max_seqs=1, classes=(ServiceClass(max_queue=1),))
    requests = [
        Request(0, prompt=4, output=50),
        Request(150, prompt=4, output=2, timeout_ps=200),
        Request(500, prompt=4, output=2),
        Request(600, prompt=4, output=2),
    ]
    result = simulate(Workload.of(requests), policy, STEP, **way)
    states = [State.FINISHED, State.TIMED_OUT, State.FINISHED, State.REJECTED]
    assert result.status.tolist() == states
    assert result.finish_ps.tolist() == [5_000, 350, 5_200, 600]


@in_every_way
def test_the_last_free_place_is_taken_in_the_very_next_step(way: Way) -> None:
    requests = [Request(0, 4, 50), Request(150, 4, 2), Request(150, 4, 2)]
    result = simulate(Workload.of(requests), Policy(blocks=50, max_seqs=2), STEP, **way)
    assert result.scheduled_ps.tolist() == [0, 200, 400]


@in_every_way
def test_a_full_queue_is_as_full_as_it_is_when_somebody_comes(way: Way) -> None:
    # One runs for 5,000; nothing but the queue changes until then.
    policy = Policy(blocks=50, max_seqs=1, classes=(ServiceClass(max_queue=1),))
    requests = [Request(0, 4, 50)] + [Request(at, 4, 1) for at in (150, 250, 5_050, 5_060)]
    workload = Workload.of(requests, Retry(attempts=2, backoff_ps=300))
    result = simulate(workload, policy, STEP, **way)
    # The third is refused at 250, and again at 550; the last at 5,060, and served at 5,360.
    assert np.flatnonzero(result.status == State.REJECTED).tolist() == [2]
    assert result.attempts.tolist() == [1, 1, 2, 1, 2]
    assert result.finish_ps.tolist() == [5_000, 5_100, 550, 5_200, 5_460]


def test_a_simulation_over_holds_no_block_whoever_went_away() -> None:
    requests = [Request(at * 70, 30, 40, cancel_ps=at * 60 or None) for at in range(30)]
    policy = Policy(blocks=12, max_seqs=4)
    simulation = Simulation(Workload.of(requests), policy, STEP, fast=True, journal=None)
    result = simulation.run()
    assert isinstance(simulation.scheduler, Scheduler)
    assert simulation.scheduler.pool.available == 12
    assert {State.CANCELLED, State.FINISHED} <= set(result.status.tolist())


def test_nobody_goes_away_before_coming() -> None:
    with pytest.raises(InvalidWorkload, match="cancels must not be negative"):
        Workload.of([Request(0, 4, 10, cancel_ps=-1)])

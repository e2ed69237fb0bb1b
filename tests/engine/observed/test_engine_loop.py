"""Overlap and lockstep: the plain loop where neither applies, and worked by hand where one does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from finops.engine.errors import InvalidPolicy, InvalidWorkload
from finops.engine.executor import LinearStepTime
from finops.engine.observed.engine_loop import EngineLoop, pace
from finops.engine.observed.run import Setup
from finops.engine.policy import Policy, ServiceClass
from finops.engine.result import Result
from finops.engine.simulate import simulate
from finops.engine.workload import Request, Workload
from tests.engine.drawn import cases, difference

Case = tuple[Workload, Policy, LinearStepTime]
few = settings(max_examples=60, deadline=None)


def plain(case: Case) -> Case:
    """The case as an open loop of one class."""
    workload, policy, step_time = case
    rows = [
        Request(10 * at, int(workload.prompt[at]), int(workload.output[at]), hashes=chain)
        for at, chain in enumerate(workload.hashes or [()] * len(workload))
    ]
    return Workload.of(rows), replace(policy, classes=(ServiceClass(),)), step_time


def times(result: Result) -> list[tuple[int, int]]:
    """First and last token of each request."""
    return list(zip(result.first_ps.tolist(), result.finish_ps.tolist(), strict=True))


@given(cases(patient=True))
@few
def test_one_rank_without_overlap_is_the_plain_loop(case: Case) -> None:
    workload, policy, step_time = plain(case)
    here = EngineLoop(workload, policy, step_time, Setup(ranks=1, overlap=False)).run()
    assert difference(here, simulate(workload, policy, step_time)) == []


@given(cases(patient=True))
@few
def test_with_overlap_everything_fits_finishes_and_steps_follow_each_other(case: Case) -> None:
    workload, policy, step_time = plain(case)
    loop = EngineLoop(workload, policy, step_time, Setup(ranks=2, overlap=True))
    result = loop.run()
    assert (result.finished == simulate(workload, policy, step_time).finished).all()
    for (start, end, *_), (after, _, *_) in zip(loop.steps, loop.steps[1:], strict=False):
        assert start < end <= after
    done = result.finished
    assert (result.arrival_ps[done] <= result.scheduled_ps[done]).all()
    assert (result.scheduled_ps[done] < result.first_ps[done]).all()


def test_who_comes_during_a_step_is_in_the_second_after_it() -> None:
    # Steps of 100 ps. The second is put together at 0, when the first starts; the third at 100.
    workload = Workload.of([Request(0, 10, 3), Request(50, 10, 1)])
    policy, step_time = Policy(100, max_seqs=4), LinearStepTime(100)
    assert times(simulate(workload, policy, step_time)) == [(100, 300), (200, 200)]
    late = EngineLoop(workload, policy, step_time, Setup(ranks=1, overlap=True)).run()
    assert times(late) == [(100, 300), (300, 300)]


def test_who_has_ended_keeps_its_place_for_one_more_step() -> None:
    # One place. The first ends at 100; the second can only be put into a step that starts then.
    workload = Workload.of([Request(0, 10, 1), Request(0, 10, 2), Request(0, 10, 1)])
    policy, step_time = Policy(100, max_seqs=1), LinearStepTime(100)
    assert times(simulate(workload, policy, step_time)) == [(100, 100), (200, 300), (400, 400)]
    late = EngineLoop(workload, policy, step_time, Setup(ranks=1, overlap=True)).run()
    assert times(late) == [(100, 100), (200, 300), (400, 400)]


def test_a_place_that_is_held_costs_the_next_one_a_step_where_others_run() -> None:
    # Two places. A ends at 100, but the step from 100 to 200 was put together before: C starts at
    # 200, where the plain loop would have started it at 100.
    rows = [Request(0, 10, 1), Request(0, 10, 5), Request(0, 10, 1)]
    policy, step_time = Policy(100, max_seqs=2), LinearStepTime(100)
    assert times(simulate(Workload.of(rows), policy, step_time))[2] == (200, 200)
    late = EngineLoop(Workload.of(rows), policy, step_time, Setup(ranks=1, overlap=True)).run()
    assert times(late)[2] == (300, 300)


def test_the_rank_with_most_to_do_sets_the_pace() -> None:
    # Two prompts of 10 and 30 tokens, one a rank; 1 ps a token: 2 × 30, then 2 × 1 with one left.
    workload = Workload.of([Request(0, 10, 1), Request(0, 30, 2)])
    loop = EngineLoop(
        workload, Policy(100), LinearStepTime(0, token_ps=1), Setup(ranks=2, overlap=False)
    )
    assert times(loop.run()) == [(60, 60), (60, 62)]
    assert pace([(5, 1, 7, 0), (3, 2, 9, 4)]) == (10, 4, 18, 8)


def test_steps_that_compute_prompts_read_keys_and_values_more_slowly() -> None:
    # 10 tokens of a prompt: 100 + 3 × 10. Then a decode step that reads 11: 100 + 11.
    workload = Workload.of([Request(0, 10, 2)])
    step_time = LinearStepTime(100, kv_ps=1)
    loop = EngineLoop(workload, Policy(100), step_time, Setup(mixed_kv=3.0))
    assert times(loop.run()) == [(130, 241)]


def test_requests_go_to_the_rank_with_the_least_load() -> None:
    # The third is let in when a step ends, at 200: the first still runs, the second has ended.
    workload = Workload.of([Request(0, 10, 9), Request(0, 10, 2), Request(150, 10, 1)])
    loop = EngineLoop(
        workload, Policy(100, max_seqs=1), LinearStepTime(100), Setup(ranks=2, overlap=False)
    )
    assert times(loop.run()) == [(100, 900), (100, 200), (300, 300)]


def test_what_can_never_fit_is_rejected_at_once() -> None:
    workload = Workload.of([Request(5, 1000, 1), Request(7, 10, 1)])
    result = EngineLoop(
        workload, Policy(10), LinearStepTime(100), Setup(ranks=1, overlap=True)
    ).run()
    assert result.finished.tolist() == [False, True]
    assert result.finish_ps.tolist() == [5, 107]


@pytest.mark.parametrize(
    "row",
    [
        Request(0, 1, 1, timeout_ps=5),
        Request(0, 1, 1, cancel_ps=5),
        Request(0, 1, 1, klass=1),
        Request(0, 1, 1, after=0),
    ],
)
def test_clients_that_do_more_than_wait_are_refused(row: Request) -> None:
    workload = Workload.of([Request(0, 1, 1), row])
    with pytest.raises(InvalidWorkload, match="Drop timeouts"):
        EngineLoop(workload, Policy(10), LinearStepTime(1), Setup(ranks=1, overlap=True))


def test_classes_with_limits_are_refused() -> None:
    policy = Policy(10, classes=(ServiceClass(max_queue=1),))
    with pytest.raises(InvalidPolicy, match="one class"):
        EngineLoop(
            Workload.of([Request(0, 1, 1)]), policy, LinearStepTime(1), Setup(ranks=1, overlap=True)
        )

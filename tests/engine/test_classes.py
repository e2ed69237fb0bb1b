"""Interactive and background work beside each other: who waits for whom, and how long at most."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from finops.engine.executor import LinearStepTime
from finops.engine.policy import Policy, ServiceClass
from finops.engine.result import Result
from finops.engine.sequence import State
from finops.engine.simulate import simulate
from finops.engine.workload import Request, Workload

STEP = LinearStepTime(100)
CHAT, BATCH = 0, 1


def serve(requests: list[Request], *classes: ServiceClass, age_ps: int = 10**12) -> Result:
    rows = sorted(requests, key=lambda row: row.arrival_ps)
    policy = Policy(blocks=400, max_seqs=4, max_tokens=64, age_ps=age_ps, classes=classes)
    return simulate(Workload.of(rows), policy, STEP)


def test_the_background_can_not_take_every_place() -> None:
    background = [Request(0, 8, 200, klass=BATCH) for _ in range(20)]
    chats = [Request(1_000 * at + 50, 8, 4) for at in range(20)]
    limited = ServiceClass("background", priority=1, max_seqs=3)
    result = serve(background + chats, ServiceClass("interactive"), limited)
    chat = result.output == 4
    # One of four places is never the background's: a chat waits for the step that runs at most.
    assert (result.scheduled_ps[chat] - result.arrival_ps[chat]).max() <= 100
    greedy = serve(background + chats, ServiceClass("interactive"), ServiceClass("background"))
    assert (greedy.scheduled_ps - greedy.arrival_ps)[greedy.output == 4].max() > 1_000


def test_a_flood_of_chats_can_not_starve_the_background() -> None:
    flood = [Request(at * 20, 8, 10) for at in range(3_000)]  # ten times what can be served
    one = Request(500, 8, 10, klass=BATCH)
    classes = (ServiceClass("interactive"), ServiceClass("background", priority=1))
    result = serve([*flood, one], *classes, age_ps=5_000)
    at = int(np.flatnonzero(result.arrival_ps == 500)[-1])
    later = result.arrival_ps > 500 + 5_000
    # Whoever comes more than the handicap later starts later.
    assert result.scheduled_ps[at] <= result.scheduled_ps[later].min()


def test_a_full_queue_turns_away_its_own_class_only() -> None:
    background = [Request(at, 8, 100, klass=BATCH) for at in range(30)]
    chats = [Request(40 + at, 8, 4) for at in range(10)]
    limited = ServiceClass("background", priority=1, max_queue=5, max_seqs=2)
    result = serve(background + chats, ServiceClass("interactive"), limited)
    chat = result.output == 4
    assert (result.status[chat] == State.FINISHED).all()
    # The first starts at once; until its step ends at 100, five wait and the others are refused.
    assert (result.status[~chat] == State.REJECTED).sum() == 24
    assert (result.finish_ps == result.arrival_ps)[result.status == State.REJECTED].all()


@given(st.integers(0, 2**20), st.integers(1, 4), st.sampled_from((0, 2_000, 50_000)))
@settings(max_examples=60, deadline=None)
def test_nobody_of_any_class_waits_for_who_came_much_later(
    seed: int, priority: int, age_ps: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = [
        Request(int(at), int(rng.integers(1, 30)), int(rng.integers(1, 30)), klass=int(at) % 2)
        for at in np.sort(rng.integers(0, 20_000, 60))
    ]
    classes = (ServiceClass("interactive"), ServiceClass("background", priority=priority))
    result = serve(rows, *classes, age_ps=age_ps)
    klass = np.array([row.klass for row in rows])
    order = result.arrival_ps + klass * priority * age_ps
    assert result.finished.all()
    for one in range(len(rows)):
        passed = (result.scheduled_ps < result.scheduled_ps[one]) & (order > order[one])
        # Those who passed it had started before it came.
        assert (result.scheduled_ps[passed] < result.arrival_ps[one]).all()

"""The loop of a simulation, and its arrivals: finops.engine.simulate and arrivals over columns."""

from __future__ import annotations

import numpy as np

from finops.engine.compiled.columns import (
    AGAIN,
    ARRIVAL,
    AT,
    ATTEMPT,
    BUSY,
    CAME,
    CANCEL,
    CANCELLED,
    DEADLINE,
    DEADLINES,
    END,
    ENDED,
    FAR,
    FINISH,
    FINISHED,
    FIRST_TOKEN,
    FOLLOWER_AT,
    FOLLOWERS_END,
    GENERATED,
    GONE,
    KNOWN,
    LIVE,
    NEVER,
    NOW,
    RANK,
    SCHEDULED,
    SEQUELS,
    START,
    STATUS,
    STOPPED,
    TIMED_OUT,
    TIMEOUT,
    Plan,
    State,
)
from finops.engine.compiled.heap import push, remove
from finops.engine.compiled.jit import compiled, digest, kept
from finops.engine.compiled.scheduling import add
from finops.engine.compiled.stepping import advance, drop


@compiled
def next_time(plan: Plan, s: State) -> int:
    static: int = plan.times[s.n[AT]]
    return min(static, s.of[s.sequels[1], AGAIN]) if s.sequels[0] else static


@compiled
def let_in(plan: Plan, s: State, time: int) -> None:
    """The next attempt, which comes at `time`."""
    if plan.times[s.n[AT]] == time:
        i = plan.free[s.n[AT]]
        s.n[AT] += 1
    else:
        i = s.sequels[1]
        remove(s.sequels, s.of, i, SEQUELS)
    s.of[i, ATTEMPT] += 1
    s.of[i, SCHEDULED] = s.of[i, FIRST_TOKEN] = -1
    s.of[i, GENERATED] = 0
    if s.of[i, ATTEMPT] == 1:
        s.of[i, CAME] = time
        s.of[i, GONE] = time + plan.of[i, CANCEL] if plan.of[i, CANCEL] else NEVER
    if not add(plan, s, i, time):
        end(plan, s, i, time)
        return
    deadline = time + plan.of[i, TIMEOUT] if plan.of[i, TIMEOUT] else NEVER
    s.of[i, DEADLINE] = min(deadline, s.of[i, GONE])
    if s.of[i, DEADLINE] < NEVER:
        push(s.deadlines, s.of, i, DEADLINES)


@compiled
def end(plan: Plan, s: State, i: int, time: int) -> None:
    """An attempt has ended at `time`: what it brings."""
    s.of[i, FINISH] = time
    if s.of[i, STATUS] == CANCELLED:
        return
    if s.of[i, STATUS] != FINISHED and s.of[i, ATTEMPT] < plan.attempts:
        again = time + wait_ps(plan, i, s.of[i, ATTEMPT])
        if again < s.of[i, GONE]:
            add_sequel(s, again, i)
        return
    for at in range(plan.of[i, FOLLOWER_AT], plan.of[i, FOLLOWERS_END]):
        add_sequel(s, time + plan.of[plan.followers[at], ARRIVAL], plan.followers[at])


@compiled
def add_sequel(s: State, time: int, i: int) -> None:
    s.n[KNOWN] += 1
    s.of[i, AGAIN], s.of[i, RANK] = time, s.n[KNOWN]
    push(s.sequels, s.of, i, SEQUELS)


@compiled
def wait_ps(plan: Plan, i: int, attempt: int) -> int:
    """finops.engine.workload.Retry.wait_ps, and its draw."""
    wait = plan.backoff_ps << (attempt - 1)
    if plan.jitter == 0.0:
        return wait
    mixed = np.uint64(plan.seed) * np.uint64(0x9E3779B97F4A7C15)
    mixed += np.uint64(i) * np.uint64(0xD1342543DE82EF95)
    mixed += np.uint64(attempt) * np.uint64(0xAF251AF3B0F025B5)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = (mixed ^ (mixed >> np.uint64(31))) >> np.uint64(11)
    return wait + int(wait * plan.jitter * (float(mixed) / 2.0**53))


@compiled
def next_deadline(s: State) -> int:
    return s.of[s.deadlines[1], DEADLINE] if s.deadlines[0] else NEVER


@compiled
def cut_off(plan: Plan, s: State) -> bool:
    any_cut = False
    while next_deadline(s) <= s.n[NOW]:
        i = s.deadlines[1]
        time = s.of[i, DEADLINE]
        remove(s.deadlines, s.of, i, DEADLINES)
        drop(plan, s, i)
        s.of[i, STATUS] = CANCELLED if s.of[i, GONE] == time else TIMED_OUT
        end(plan, s, i, time)
        any_cut = True
    return any_cut


@compiled
def step(plan: Plan, s: State, arrival: int) -> None:
    n = s.n
    now = n[NOW]
    n[NOW] = n[END] = advance(plan, s, now, arrival, next_deadline(s))
    n[BUSY] += n[NOW] - now
    for at in range(n[ENDED]):
        i = s.ended[at]
        if s.of[i, DEADLINE] < NEVER:
            remove(s.deadlines, s.of, i, DEADLINES)
        end(plan, s, i, n[NOW])


def serve(plan: Plan, s: State) -> None:
    """Until nobody comes, waits or runs any more, or times get so far that they could overflow."""
    n = s.n
    n[NOW] = n[START] = n[END] = next_time(plan, s)
    while n[NOW] <= FAR:
        arrival = next_time(plan, s)
        while arrival <= n[NOW]:
            let_in(plan, s, arrival)
            arrival = next_time(plan, s)
        if s.deadlines[0] and cut_off(plan, s):
            continue
        if n[LIVE]:
            step(plan, s, arrival)
        elif arrival == NEVER:
            return
        else:
            n[NOW] = arrival
    n[STOPPED] = 1


FILES = ("columns.py", "heap.py", "blocks.py", "scheduling.py", "stepping.py", "serve.py")
serve = kept(serve, digest(*FILES))

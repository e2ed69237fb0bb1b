"""finops.engine.scheduler and waiting over columns."""

from __future__ import annotations

from finops.engine.compiled.blocks import admit_blocks, release, take
from finops.engine.compiled.columns import (
    ADMISSION,
    ADMISSIONS,
    ARRIVED,
    BEFORE,
    BEHIND,
    CACHED,
    COMPUTED,
    COUNT,
    ENDED,
    FINISHED,
    FIRST,
    GENERATED,
    GRANTED,
    HANDICAP,
    HELD,
    IDLE,
    KLASS,
    LAST,
    LIVE,
    MAX_QUEUE,
    MAX_SEQS,
    NUMBER,
    ORDER,
    OUTPUT,
    PREEMPTED,
    PROMPT,
    QUEUE,
    REJECTED,
    RUNNING,
    RUNS,
    SCHEDULED,
    SPARE,
    STATUS,
    WAITING,
    WAITS,
    Plan,
    State,
)
from finops.engine.compiled.heap import precedes, push, remove
from finops.engine.compiled.jit import compiled


@compiled
def wait(plan: Plan, s: State, i: int) -> None:
    klass = plan.of[i, KLASS]
    s.of[i, STATUS] = WAITING
    s.by_class[klass, WAITS] += 1
    s.n[LIVE] += 1
    push(s.queues[klass], s.of, i, QUEUE)


@compiled
def add(plan: Plan, s: State, i: int, time: int) -> bool:
    klass, tokens = plan.of[i, KLASS], plan.of[i, PROMPT] + plan.of[i, OUTPUT]
    fits = tokens <= plan.max_model_len and tokens - 1 <= plan.pool_tokens
    if not fits or s.by_class[klass, WAITS] >= plan.by_class[klass, MAX_QUEUE]:
        s.of[i, STATUS] = REJECTED
        return False
    s.n[ARRIVED] += 1
    s.of[i, ORDER], s.of[i, NUMBER] = time + plan.by_class[klass, HANDICAP], s.n[ARRIVED]
    wait(plan, s, i)
    return True


@compiled
def head(plan: Plan, s: State) -> int:
    best = -1
    for klass in range(len(s.queues)):
        if not s.queues[klass, 0] or s.by_class[klass, RUNS] >= plan.by_class[klass, MAX_SEQS]:
            continue
        i = s.queues[klass, 1]
        if best < 0 or precedes(s.of, i, best, QUEUE):
            best = i
    return best


@compiled
def admit(plan: Plan, s: State, budget: int, now: int, rows: int) -> int:
    """Write the new rows behind the `rows` that the work has; how many rows it has now."""
    n = s.n
    while budget > 0 and n[LIVE] > n[COUNT] and n[COUNT] < plan.max_seqs:
        i = head(plan, s)
        if i < 0:
            break
        tokens = plan.of[i, PROMPT] + (
            plan.of[i, OUTPUT] - 1 if plan.reserve else s.of[i, GENERATED]
        )
        if not admit_blocks(plan, s, i, tokens):
            break
        remove(s.queues[plan.of[i, KLASS]], s.of, i, QUEUE)
        start(plan, s, i, now)
        count = min(plan.of[i, PROMPT] + s.of[i, GENERATED] - s.of[i, COMPUTED], budget)
        budget -= count
        s.work[rows], s.of[i, GRANTED] = i, count
        rows += 1
    return rows


@compiled
def start(plan: Plan, s: State, i: int, now: int) -> None:
    n, klass = s.n, plan.of[i, KLASS]
    n[ADMISSIONS] += 1
    s.of[i, ADMISSION], s.of[i, STATUS] = n[ADMISSIONS], RUNNING
    s.by_class[klass, WAITS] -= 1
    s.by_class[klass, RUNS] += 1
    n[COUNT] += 1
    last = n[LAST]
    s.of[i, BEFORE], s.of[i, BEHIND] = last, -1
    if last < 0:
        n[FIRST] = i
    else:
        s.of[last, BEHIND] = i
    n[LAST] = i
    if s.of[i, SCHEDULED] < 0:
        s.of[i, SCHEDULED] = now
        if s.of[i, COMPUTED]:
            s.of[i, CACHED] = s.of[i, COMPUTED]


@compiled
def leave(plan: Plan, s: State, i: int) -> None:
    n, before, behind = s.n, s.of[i, BEFORE], s.of[i, BEHIND]
    if before < 0:
        n[FIRST] = behind
    else:
        s.of[before, BEHIND] = behind
    if behind < 0:
        n[LAST] = before
    else:
        s.of[behind, BEFORE] = before
    n[COUNT] -= 1
    n[LIVE] -= 1
    s.by_class[plan.of[i, KLASS], RUNS] -= 1
    release(plan, s, i)


@compiled
def finish(plan: Plan, s: State, i: int) -> None:
    leave(plan, s, i)
    s.of[i, STATUS] = FINISHED
    s.ended[s.n[ENDED]] = i
    s.n[ENDED] += 1


@compiled
def victim(s: State) -> int:
    worst: int = s.n[FIRST]
    i: int = worst
    while i >= 0:
        if precedes(s.of, worst, i, QUEUE):
            worst = i
        i = s.of[i, BEHIND]
    return worst


@compiled
def make_room(plan: Plan, s: State, i: int, count: int) -> int:
    returned = 0
    need = -(-(s.of[i, COMPUTED] + count) // plan.block_size) - s.of[i, HELD]
    while need > s.n[SPARE] + s.n[IDLE]:
        worst = victim(s)
        returned += int(s.of[worst, GRANTED])
        leave(plan, s, worst)
        s.of[worst, PREEMPTED] += 1
        wait(plan, s, worst)
        if worst == i:
            return returned
    if need > 0:
        take(s, need)
        s.of[i, HELD] += need
    return returned


@compiled
def grant(plan: Plan, s: State) -> int:
    """The work of a step that preempts: nobody is admitted in it. Its rows."""
    i, budget, rows = s.n[FIRST], plan.max_tokens, 0
    while i >= 0:
        s.of[i, GRANTED] = 0
        i = s.of[i, BEHIND]
    i = s.n[FIRST]
    while i >= 0:
        count = min(plan.of[i, PROMPT] + s.of[i, GENERATED] - s.of[i, COMPUTED], budget)
        budget += make_room(plan, s, i, count)
        if s.of[i, STATUS] == RUNNING:
            s.of[i, GRANTED] = count
            budget -= count
        i = s.of[i, BEHIND]  # of who left just now, it still says who is next
    i = s.n[FIRST]
    while i >= 0:
        s.work[rows] = i
        rows += 1
        i = s.of[i, BEHIND]
    return rows

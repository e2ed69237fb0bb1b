"""finops.engine.fast_forward over columns."""

from __future__ import annotations

from math import sqrt

from finops.engine.compiled.blocks import publish, take
from finops.engine.compiled.columns import (
    BASE,
    BEHIND,
    CHAIN_AT,
    CHAIN_END,
    COMPUTED,
    COUNT,
    DECODING,
    DONE,
    DUE,
    ENDED,
    FINISH_AT,
    FIRST,
    FIRST_TOKEN,
    GENERATED,
    GRANTED,
    HELD,
    IDLE,
    KLASS,
    KV,
    LIVE,
    NEVER,
    OUTPUT,
    PARTIAL,
    PROMPT,
    QUEUE,
    SPARE,
    STATUS,
    STEPS,
    TOKENS,
    WAITING,
    WAITS,
    Plan,
    State,
)
from finops.engine.compiled.heap import push, remove
from finops.engine.compiled.jit import compiled
from finops.engine.compiled.scheduling import admit, finish, grant, leave


@compiled
def advance(plan: Plan, s: State, now: int, arrival: int, deadline: int) -> int:
    n = s.n
    n[ENDED] = 0
    if not take(s, s.growing[n[DONE] % plan.block_size]):
        return plain_step(plan, s, now)
    full = n[COUNT] >= plan.max_seqs or n[PARTIAL] >= 0
    horizon = deadline if full and not plan.heed_arrivals else min(arrival, deadline)
    budget, rows, i = plan.max_tokens - n[DECODING], 0, n[PARTIAL]
    if i >= 0:
        rest = plan.of[i, PROMPT] + s.of[i, GENERATED] - s.of[i, COMPUTED]
        if rest > 2 * budget and plan.of[i, CHAIN_AT] == plan.of[i, CHAIN_END]:
            return equal_steps(plan, s, now, horizon, budget)
        s.work[0], s.of[i, GRANTED] = i, min(rest, budget)
        budget -= s.of[i, GRANTED]
        rows = 1
    rows = admit(plan, s, budget, now, rows)
    if rows:
        return mixed_step(plan, s, now, rows)
    return equal_steps(plan, s, now, horizon, 0)


@compiled
def duration(plan: Plan, s: State, tokens: int, rows: int, kv: int, pairs: int) -> int:
    s.n[STEPS] += 1
    s.n[TOKENS] += tokens
    fixed: int = plan.fixed[tokens]
    return fixed + rows * plan.row_ps + plan.kv_ps * kv + plan.pair_ps * pairs


@compiled
def mixed_step(plan: Plan, s: State, now: int, rows: int) -> int:
    decoding = s.n[DECODING]
    tokens, kv, pairs = decoding, s.n[KV] + decoding, 0
    for row in range(rows):
        i = s.work[row]
        count = s.of[i, GRANTED]
        tokens += count
        kv += s.of[i, COMPUTED] + count
        if count > 1:
            pairs += count * s.of[i, COMPUTED] + count * (count + 1) // 2
    end = now + duration(plan, s, tokens, decoding + rows, kv, pairs)
    stepped(plan, s, 1)
    s.n[PARTIAL] = -1
    for row in range(rows):
        if catch_up(plan, s, s.work[row], end):
            join(plan, s, s.work[row])
    return end


@compiled
def catch_up(plan: Plan, s: State, i: int, end: int) -> bool:
    """Do the work of a row; whether it has caught up and goes on decoding."""
    s.of[i, COMPUTED] += s.of[i, GRANTED]
    publish(plan, s, i, min(s.of[i, COMPUTED], plan.of[i, PROMPT]))
    if s.of[i, COMPUTED] < plan.of[i, PROMPT] + s.of[i, GENERATED]:
        s.n[PARTIAL] = i
        return False
    if s.of[i, FIRST_TOKEN] < 0:
        s.of[i, FIRST_TOKEN] = end
    s.of[i, GENERATED] += 1
    if s.of[i, GENERATED] == plan.of[i, OUTPUT]:
        finish(plan, s, i)
        return False
    return True


@compiled
def join(plan: Plan, s: State, i: int) -> None:
    done = s.n[DONE]
    s.of[i, BASE] = done - s.of[i, COMPUTED]
    s.of[i, FINISH_AT] = done + plan.of[i, OUTPUT] - s.of[i, GENERATED]
    push(s.due, s.of, i, DUE)
    if not plan.reserve:
        s.growing[s.of[i, BASE] % plan.block_size] += 1
    s.n[DECODING] += 1
    s.n[KV] += s.of[i, COMPUTED]


@compiled
def part(plan: Plan, s: State, i: int) -> None:
    done = s.n[DONE]
    remove(s.due, s.of, i, DUE)
    s.of[i, COMPUTED] = done - s.of[i, BASE]
    s.of[i, GENERATED] = plan.of[i, OUTPUT] - (s.of[i, FINISH_AT] - done)
    s.of[i, HELD] = max(s.of[i, HELD], -(-s.of[i, COMPUTED] // plan.block_size))
    if not plan.reserve:
        s.growing[s.of[i, BASE] % plan.block_size] -= 1
    s.n[DECODING] -= 1
    s.n[KV] -= s.of[i, COMPUTED]
    s.of[i, FINISH_AT] = 0


@compiled
def stepped(plan: Plan, s: State, steps: int) -> None:
    s.n[DONE] += steps
    s.n[KV] += s.n[DECODING] * steps
    while s.due[0] and s.of[s.due[1], FINISH_AT] <= s.n[DONE]:
        i = s.due[1]
        part(plan, s, i)
        finish(plan, s, i)


@compiled
def equal_steps(plan: Plan, s: State, now: int, horizon: int, count: int) -> int:
    """Steps that only decode, or in which the partial prompt computes `count` tokens each."""
    n, i, most = s.n, s.n[PARTIAL], NEVER
    tokens: int = n[DECODING]
    rows, kv, pairs, more = tokens, n[KV] + tokens, 0, 0
    if count:
        tokens, rows, kv = tokens + count, rows + 1, kv + s.of[i, COMPUTED] + count
        most = (plan.of[i, PROMPT] + s.of[i, GENERATED] - s.of[i, COMPUTED] - 1) // count
    if count > 1:
        pairs, more = count * s.of[i, COMPUTED] + count * (count + 1) // 2, count * count
    first: int = duration(plan, s, tokens, rows, kv, pairs)
    slope = plan.kv_ps * tokens + plan.pair_ps * more
    steps: int = min(most, s.of[s.due[1], FINISH_AT] - n[DONE]) if s.due[0] else most
    if steps > 1:
        steps = grow(plan, s, steps_until(horizon - now, first, slope, steps))
    n[STEPS] += steps - 1
    n[TOKENS] += (steps - 1) * tokens
    stepped(plan, s, steps)
    if count:
        s.of[i, COMPUTED] += steps * count
    return now + steps * first + slope * (steps * (steps - 1) // 2)


@compiled
def steps_until(wait: int, first: int, slope: int, most: int) -> int:
    if wait <= first:
        return 1
    if most * first + slope * (most * (most - 1) // 2) <= wait:
        return most
    twice = 2.0 * first - slope
    root = sqrt(twice * twice + 8.0 * slope * wait)
    steps = min(most, max(1, int(4.0 * wait / (root + twice))))
    while steps * first + slope * (steps * (steps - 1) // 2) < wait:
        steps += 1
    return steps


@compiled
def grow(plan: Plan, s: State, steps: int) -> int:
    if steps == 1 or plan.reserve:
        return steps
    size, done, decoding = plan.block_size, s.n[DONE], s.n[DECODING]
    rounds, rest = (steps - 1) // size, (steps - 1) % size
    need = rounds * decoding
    for at in range(done + 1, done + 1 + rest):
        need += s.growing[at % size]
    if take(s, need):
        return steps
    available = s.n[SPARE] + s.n[IDLE]
    rounds, left = available // decoding, available % decoding
    steps, need = 1 + rounds * size, rounds * decoding
    while s.growing[(done + steps) % size] <= left:
        left -= s.growing[(done + steps) % size]
        need += s.growing[(done + steps) % size]
        steps += 1
    take(s, need)
    return steps


@compiled
def plain_step(plan: Plan, s: State, now: int) -> int:
    i = s.n[FIRST]
    while i >= 0:
        if s.of[i, FINISH_AT]:
            part(plan, s, i)
        i = s.of[i, BEHIND]
    s.n[PARTIAL] = -1
    rows = grant(plan, s)
    tokens = kv = pairs = 0
    for row in range(rows):
        i = s.work[row]
        count = s.of[i, GRANTED]
        tokens += count
        kv += s.of[i, COMPUTED] + count
        if count > 1:
            pairs += count * s.of[i, COMPUTED] + count * (count + 1) // 2
    end = now + duration(plan, s, tokens, rows, kv, pairs)
    s.n[DONE] += 1
    for row in range(rows):
        if catch_up(plan, s, s.work[row], end):
            join(plan, s, s.work[row])
    return end


@compiled
def drop(plan: Plan, s: State, i: int) -> None:
    if s.of[i, STATUS] == WAITING:
        remove(s.queues[plan.of[i, KLASS]], s.of, i, QUEUE)
        s.by_class[plan.of[i, KLASS], WAITS] -= 1
        s.n[LIVE] -= 1
        return
    if s.of[i, FINISH_AT]:
        part(plan, s, i)
    elif s.n[PARTIAL] == i:
        s.n[PARTIAL] = -1
    leave(plan, s, i)

"""finops.engine.blocks over columns: blocks are counted, and known by the hash that they hold."""

from __future__ import annotations

from finops.engine.compiled.columns import (
    CHAIN_AT,
    CHAIN_END,
    COMPUTED,
    GENERATED,
    HELD,
    HOLDERS,
    IDLE,
    OLDER,
    OLDEST,
    PROMPT,
    PUBLISHED,
    SPARE,
    YOUNGER,
    YOUNGEST,
    Plan,
    State,
)
from finops.engine.compiled.jit import compiled


@compiled
def take(s: State, count: int) -> bool:
    n = s.n
    if count > n[SPARE] + n[IDLE]:
        return False
    while n[SPARE] < count:
        oldest = n[OLDEST]
        unlink_idle(s, oldest)
        s.by_hash[oldest, HOLDERS] = -1
        n[SPARE] += 1
    n[SPARE] -= count
    return True


@compiled
def unlink_idle(s: State, block: int) -> None:
    older, younger = s.by_hash[block, OLDER], s.by_hash[block, YOUNGER]
    if older < 0:
        s.n[OLDEST] = younger
    else:
        s.by_hash[older, YOUNGER] = younger
    if younger < 0:
        s.n[YOUNGEST] = older
    else:
        s.by_hash[younger, OLDER] = older
    s.n[IDLE] -= 1


@compiled
def hold(s: State, block: int) -> None:
    if s.by_hash[block, HOLDERS] == 0:
        unlink_idle(s, block)
    s.by_hash[block, HOLDERS] += 1


@compiled
def let_go(s: State, block: int) -> None:
    s.by_hash[block, HOLDERS] -= 1
    if s.by_hash[block, HOLDERS] > 0:
        return
    youngest = s.n[YOUNGEST]
    s.by_hash[block, OLDER], s.by_hash[block, YOUNGER] = youngest, -1
    if youngest < 0:
        s.n[OLDEST] = block
    else:
        s.by_hash[youngest, YOUNGER] = block
    s.n[YOUNGEST] = block
    s.n[IDLE] += 1


@compiled
def admit_blocks(plan: Plan, s: State, i: int, tokens: int) -> bool:
    size, start = plan.block_size, plan.of[i, CHAIN_AT]
    known = plan.of[i, PROMPT] + s.of[i, GENERATED]
    end = min(plan.of[i, CHAIN_END], start + (known - 1) // size)
    at, pinned = start, 0
    while at < end and s.by_hash[plan.chain[at], HOLDERS] >= 0:
        pinned += s.by_hash[plan.chain[at], HOLDERS] == 0
        at += 1
    hits, needed = at - start, -(-tokens // size)
    if needed - hits + pinned > s.n[SPARE] + s.n[IDLE]:
        return False
    for link in range(start, at):
        hold(s, plan.chain[link])
    take(s, needed - hits)
    s.of[i, HELD], s.of[i, PUBLISHED], s.of[i, COMPUTED] = needed, hits, hits * size
    return True


@compiled
def publish(plan: Plan, s: State, i: int, tokens: int) -> None:
    start = plan.of[i, CHAIN_AT]
    end = min(plan.of[i, CHAIN_END] - start, tokens // plan.block_size)
    for at in range(s.of[i, PUBLISHED], end):
        block = plan.chain[start + at]
        if s.by_hash[block, HOLDERS] < 0:
            s.by_hash[block, HOLDERS] = 1
        else:
            hold(s, block)
            s.n[SPARE] += 1
        s.of[i, PUBLISHED] = at + 1


@compiled
def release(plan: Plan, s: State, i: int) -> None:
    publish(plan, s, i, s.of[i, COMPUTED])
    s.n[SPARE] += s.of[i, HELD] - s.of[i, PUBLISHED]
    start = plan.of[i, CHAIN_AT]
    for at in range(s.of[i, PUBLISHED] - 1, -1, -1):
        let_go(s, plan.chain[start + at])
    s.of[i, HELD] = s.of[i, PUBLISHED] = s.of[i, COMPUTED] = 0

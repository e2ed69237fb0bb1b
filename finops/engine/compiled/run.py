"""A simulation by compiled code: whether it can, what it reads, what came of it."""

from __future__ import annotations

from collections.abc import Sequence as Rows
from functools import cache
from importlib.util import find_spec

import numpy as np

from finops.engine.compiled.columns import (
    ATTEMPT,
    BUSY,
    CACHED,
    CAME,
    END,
    FAR,
    FINISH,
    FIRST,
    FIRST_TOKEN,
    KEPT,
    LAST,
    NEVER,
    NOT_SENT,
    NUMBERS,
    OLDEST,
    PARTIAL,
    PREEMPTED,
    SCHEDULED,
    SPARE,
    START,
    STATUS,
    STEPS,
    STOPPED,
    TOKENS,
    YOUNGEST,
    Plan,
    State,
)
from finops.engine.executor import StepTime
from finops.engine.policy import BatchPolicy, Policy
from finops.engine.result import Result
from finops.engine.workload import WORD, Column, Workload

# Below the first, Python is done before numba is imported and what was kept on disk is loaded (0.7
# seconds); below the second, before all is compiled for the first time (35 seconds).
WORTH_LOADING = 100_000
WORTH_COMPILING = 5_000_000


@cache
def is_installed() -> bool:
    """Whether numba is there; it is imported only when it is used."""
    return find_spec("numba") is not None


def is_worth(size: int) -> bool:
    """Whether so many requests are done sooner by compiled code, its start included."""
    if size < WORTH_LOADING or not is_installed():
        return False
    from finops.engine.compiled.jit import is_on_disk  # noqa: PLC0415
    from finops.engine.compiled.serve import serve  # noqa: PLC0415

    return size >= WORTH_COMPILING or is_on_disk(serve)


def run(workload: Workload, policy: Policy | BatchPolicy, step_time: StepTime) -> Result | None:
    """The result, or None for a case that the compiled code doesn't cover, or no numba."""
    if not len(workload) or not isinstance(policy, Policy) or not is_installed():
        return None
    plan = planned(workload, policy, step_time)
    if plan is None:
        return None
    from finops.engine.compiled.serve import serve  # noqa: PLC0415

    state = blank(len(workload), policy, int(plan.chain.max(initial=-1)) + 1)
    serve(plan, state)
    return None if state.n[STOPPED] else result(workload, state)


def planned(workload: Workload, policy: Policy, step_time: StepTime) -> Plan | None:
    """The columns of a case; None if a step's rows don't add up or a time could overflow."""
    row_ps = getattr(step_time, "row_ps", None)
    if not isinstance(row_ps, int) or not rows_add_up(step_time, row_ps, policy):
        return None
    tokens = range(policy.max_tokens + 1)
    fixed = [step_time.fixed_ps(count, 1) - row_ps for count in tokens]
    retry = workload.retry
    longest = int((workload.prompt + workload.output).max())
    read = step_time.kv_ps * policy.max_seqs + step_time.pair_ps * policy.max_tokens
    step = max(fixed) + row_ps * policy.max_seqs + read * longest
    if step * longest > FAR // 2 or retry.backoff_ps << retry.attempts > FAR // 2:
        return None
    free = np.flatnonzero(workload.after < 0)
    follower_at, followers = by_leader(workload.after)
    chain_at, chain = numbered(workload, policy)
    cancel = workload.cancel_ps
    cancel = np.zeros(len(workload), np.int64) if cancel is None else cancel
    return Plan(
        of=table(
            workload.arrival_ps,
            workload.prompt,
            workload.output,
            workload.klass,
            workload.timeout_ps,
            cancel,
            follower_at[:-1],
            follower_at[1:],
            chain_at[:-1],
            chain_at[1:],
        ),
        free=whole(free),
        times=whole(np.append(workload.arrival_ps[free], NEVER)),
        followers=followers,
        chain=chain,
        by_class=table(
            [service.priority * policy.age_ps for service in policy.classes],
            [limit(service.max_seqs) for service in policy.classes],
            [limit(service.max_queue) for service in policy.classes],
        ),
        fixed=whole(fixed),
        row_ps=row_ps,
        kv_ps=step_time.kv_ps,
        pair_ps=step_time.pair_ps,
        block_size=policy.block_size,
        pool_tokens=policy.blocks * policy.block_size,
        max_model_len=limit(policy.max_model_len),
        max_seqs=policy.max_seqs,
        max_tokens=policy.max_tokens,
        reserve=policy.reserve,
        heed_arrivals=workload.has_ends
        or any(service.max_queue is not None for service in policy.classes),
        attempts=retry.attempts,
        backoff_ps=retry.backoff_ps,
        jitter=float(retry.jitter),
        seed=signed(retry.seed),
    )


def rows_add_up(step_time: StepTime, row_ps: int, policy: Policy) -> bool:
    """Whether each row costs `row_ps` more, seen at a few numbers of tokens."""
    return all(
        step_time.fixed_ps(tokens, rows) == step_time.fixed_ps(tokens, 1) + (rows - 1) * row_ps
        for tokens in {1, policy.max_seqs, policy.max_tokens}
        for rows in range(1, policy.max_seqs + 1)
    )


def whole(column: Rows[int] | Column) -> Column:
    """The column as the compiled code reads it."""
    return np.ascontiguousarray(column, np.int64)


def table(*columns: Rows[int] | Column) -> Column:
    """The columns side by side."""
    return np.stack([whole(column) for column in columns], axis=1)


def signed(value: int) -> int:
    """The last 64 bits of the number, as an int64."""
    return (value + 2**63 & WORD) - 2**63


def limit(value: int | None) -> int:
    """The limit, NEVER for none."""
    return NEVER if value is None else value


def by_leader(after: Column) -> tuple[Column, Column]:
    """Those who follow each request: where they start and end, and who they are."""
    followers = np.argsort(after, kind="stable")
    at = np.searchsorted(after[followers], np.arange(len(after) + 1))
    return whole(at), whole(followers)


def numbered(workload: Workload, policy: Policy) -> tuple[Column, Column]:
    """All hash chains behind one another, hashes numbered from 0; and where each chain starts."""
    starts = np.zeros(len(workload) + 1, np.int64)
    hashes: Rows[tuple[int, ...]] = workload.hashes or ()
    if not policy.prefix_cache or not hashes:
        return starts, whole([])
    starts[1:] = np.cumsum([len(chain) for chain in hashes])
    numbers: dict[int, int] = {}
    chain = [numbers.setdefault(key, len(numbers)) for hashes_of in hashes for key in hashes_of]
    return starts, whole(chain)


def blank(size: int, policy: Policy, hashes: int) -> State:
    """A state in which nothing has happened yet."""
    n, of = np.zeros(NUMBERS, np.int64), np.zeros((size, KEPT), np.int64)
    n[SPARE] = policy.blocks
    n[[OLDEST, YOUNGEST, FIRST, LAST, PARTIAL]] = -1
    of[:, [CAME, SCHEDULED, FIRST_TOKEN, FINISH]] = -1
    of[:, STATUS] = NOT_SENT
    seqs, heap = min(policy.max_seqs, size), size + 1
    return State(
        n=n,
        of=of,
        by_class=np.zeros((len(policy.classes), 2), np.int64),
        by_hash=np.full((hashes, 3), -1, np.int64),
        growing=np.zeros(policy.block_size, np.int64),
        work=np.zeros(seqs, np.int64),
        ended=np.zeros(seqs, np.int64),
        queues=np.zeros((len(policy.classes), heap), np.int64),
        due=np.zeros(seqs + 1, np.int64),
        sequels=np.zeros(heap, np.int64),
        deadlines=np.zeros(heap, np.int64),
    )


def result(workload: Workload, state: State) -> Result:
    """What came of it."""
    n, of = state.n, state.of
    return Result(
        arrival_ps=whole(of[:, CAME]),
        scheduled_ps=whole(of[:, SCHEDULED]),
        first_ps=whole(of[:, FIRST_TOKEN]),
        finish_ps=whole(of[:, FINISH]),
        output=workload.output,
        status=whole(of[:, STATUS]),
        attempts=whole(of[:, ATTEMPT]),
        cached=whole(of[:, CACHED]),
        preempted=whole(of[:, PREEMPTED]),
        busy_ps=int(n[BUSY]),
        start_ps=int(n[START]),
        end_ps=int(n[END]),
        steps=int(n[STEPS]),
        computed_tokens=int(n[TOKENS]),
    )

"""What the compiled code reads and writes: a few tables of int64, rows by request, class or hash.

Tables and not columns, because a function of compiled code is handed each array it might need, and
a request's numbers lie beside one another in memory.
"""

from __future__ import annotations

from typing import NamedTuple

from finops.engine.sequence import State as SequenceState
from finops.engine.workload import Column

(WAITING, RUNNING, FINISHED, TIMED_OUT, REJECTED, CANCELLED, NOT_SENT) = map(int, SequenceState)
NEVER = 2**63 - 1
# Times beyond this could overflow in a sum: 53 days in picoseconds.
FAR = 2**62

# Columns of Plan.of. Its followers are those from FOLLOWER_AT on in Plan.followers, its hash chain
# goes from CHAIN_AT in Plan.chain; TIMEOUT and CANCEL are 0 for never.
ARRIVAL, PROMPT, OUTPUT, KLASS, TIMEOUT, CANCEL = range(6)
FOLLOWER_AT, FOLLOWERS_END, CHAIN_AT, CHAIN_END = range(6, 10)
# Columns of Plan.by_class: what is added to an arrival, and two limits.
HANDICAP, MAX_SEQS, MAX_QUEUE = range(3)

# Columns of State.of. NUMBER, the rank among all that were let in, and ORDER sort the queue;
# ATTEMPT is 1 for the first; PUBLISHED of the HELD blocks are findable; BASE and FINISH_AT are
# those of FastForward; BEFORE and BEHIND are the neighbours among those that run, in order of
# admission.
KEPT = 26
CAME, SCHEDULED, FIRST_TOKEN, FINISH, STATUS, ATTEMPT, CACHED, PREEMPTED = range(8)
GONE, ORDER, NUMBER, COMPUTED, GENERATED, HELD, PUBLISHED, ADMISSION = range(8, 16)
BASE, FINISH_AT, GRANTED, BEFORE, BEHIND = range(16, 21)
AGAIN, RANK, PLACE, DEADLINE, LAPSE = range(21, 26)
# What heaps are sorted by. A request is in one of the first three at most, and PLACE says where.
QUEUE, DUE = (ORDER, NUMBER, PLACE), (FINISH_AT, ADMISSION, PLACE)
SEQUELS, DEADLINES = (AGAIN, RANK, PLACE), (DEADLINE, NUMBER, LAPSE)
# Columns of State.by_class.
RUNS, WAITS = range(2)
# Columns of State.by_hash: how many hold the block (−1: it isn't there), and its neighbours among
# those that nobody holds, the longest idle first.
HOLDERS, OLDER, YOUNGER = range(3)

# The single numbers of a state, by their place in `n`: steps, tokens, blocks ...
NUMBERS = 24
DONE, DECODING, KV, STEPS, TOKENS, SPARE, IDLE, OLDEST, YOUNGEST, ENDED = range(10)
# ... who waits or runs (LIVE), how many run, the first and the last of them ...
LIVE, COUNT, FIRST, LAST, PARTIAL, ADMISSIONS, ARRIVED = range(10, 17)
# ... and the loop.
KNOWN, AT, NOW, START, END, BUSY, STOPPED = range(17, 24)


class Plan(NamedTuple):
    """A workload, a policy and a step time: nothing of it changes.

    `free` and `times` are those of requests that follow nobody, by time, and NEVER behind the
    last. Hashes in `chain` are numbered from 0. `fixed` is by tokens.
    """

    of: Column
    free: Column
    times: Column
    followers: Column
    chain: Column
    by_class: Column
    fixed: Column
    row_ps: int
    kv_ps: int
    pair_ps: int
    block_size: int
    pool_tokens: int
    max_model_len: int
    max_seqs: int
    max_tokens: int
    reserve: bool
    heed_arrivals: bool
    attempts: int
    backoff_ps: int
    jitter: float
    seed: int


class State(NamedTuple):
    """Everything that changes: see the columns above.

    `growing` is that of FastForward; `work` holds the requests of a step, `ended` those it ended.
    `queues` (by class), `due`, `sequels` and `deadlines` are heaps: who waits, who decodes, who
    will come (again), who goes away.
    """

    n: Column
    of: Column
    by_class: Column
    by_hash: Column
    growing: Column
    work: Column
    ended: Column
    queues: Column
    due: Column
    sequels: Column
    deadlines: Column

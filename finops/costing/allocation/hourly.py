"""One hour of a workspace's pools: from what was said, seen and done to bills and rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from finops.costing.allocation.bill import Bill, bill_of_hour
from finops.costing.allocation.cards import SampleHour, Seen, see
from finops.costing.allocation.plan import CallKind, Pool, pool_of_call, pool_of_gpu
from finops.costing.allocation.split import CallWork, Split, split_bill


@dataclass(frozen=True, slots=True)
class KnownWork:
    """The work of a group's calls, and what decides which pool they ran on."""

    kind: CallKind
    work: CallWork


@dataclass(frozen=True, slots=True)
class PoolHour:
    """A pool's hour, worked out."""

    pool: str
    hour: datetime
    seen: Seen
    bill: Bill
    split: Split


def allocate_hour(
    pools: Sequence[Pool],
    hour: datetime,
    samples: Iterable[SampleHour],
    work: Iterable[KnownWork],
) -> list[PoolHour]:
    """Return the hour of each pool that has a price in it, by name."""
    gpus: dict[str, list[SampleHour]] = defaultdict(list)
    for sample in samples:
        name = pool_of_gpu(pools, hour, sample.label, sample.host, sample.gpu_model)
        gpus[name].append(sample)
    calls: dict[str, list[CallWork]] = defaultdict(list)
    places: dict[CallKind, str] = {}
    alive = [pool for pool in pools if pool.priced(hour)]
    for known in work:
        if known.kind not in places:
            places[known.kind] = pool_of_call(alive, known.kind)
        calls[places[known.kind]].append(known.work)
    done = []
    for pool in sorted(alive, key=lambda pool: pool.name):
        seen = see(gpus[pool.name])
        bill = bill_of_hour(pool, hour, seen)
        if bill is not None:
            split = split_bill(pool, bill, seen, calls[pool.name])
            done.append(PoolHour(pool.name, hour, seen, bill, split))
    return done

"""Where the GPUs that report belong: in which pool, with or without a price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from finops.costing.allocation.plan import HOUR, Pool, pool_of_gpu
from finops.queries.gpu_hosts import GpuHost

SILENT = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class HostStanding:
    """A host's GPUs, the pool that they belong to ('' for none), and whether it has a price."""

    host: GpuHost
    pool: str
    priced: bool
    silent: bool


def standing_of(
    hosts: Sequence[GpuHost], pools: Sequence[Pool], now: datetime
) -> list[HostStanding]:
    """Place each host by what holds when it last reported."""
    known = {pool.name: pool for pool in pools}
    found = []
    for host in hosts:
        hour = host.last_at - timedelta(seconds=host.last_at.timestamp() % HOUR.total_seconds())
        name = pool_of_gpu(pools, hour, host.label, host.host, host.gpu_model)
        priced = bool(name) and known[name].priced(hour)
        found.append(HostStanding(host, name, priced, now - host.last_at > SILENT))
    return found

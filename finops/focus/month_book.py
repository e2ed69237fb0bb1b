"""Who pays what of a month: each tenant's own, and what is nobody's.

    month's total = calls of tenants + calls of nobody + GPU time of tenants + GPU time of nobody
    a tenant's due = its calls + its GPU time [+ its shares of what is nobody's, where distributed]
    sum of all dues + what stays nobody's = month's total, to the last digit

Nobody's GPU time of a pool (idle, not observed, overhead, work without a tenant) is shared by what
each tenant's work cost in that pool; calls without a tenant by each tenant's own cost. Shares are
worked out for every statement and are part of what is due only where a workspace wants that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from finops.focus.share_out import share_out
from finops.queries.statement import GpuSum, Sums

ZERO = Decimal(0)
NOBODY = ""
UNATTRIBUTED = "unattributed"
BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Due:
    """A tenant's month. `shares` are by cause: unattributed calls, idle, unobserved, overhead."""

    tenant: str
    calls: Sums
    gpu_usd: Decimal = ZERO
    shares: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def own_usd(self) -> Decimal:
        return self.calls.cost_usd + self.gpu_usd

    @property
    def shared_usd(self) -> Decimal:
        return sum(self.shares.values(), ZERO)

    def total_usd(self, *, distributed: bool) -> Decimal:
        return self.own_usd + (self.shared_usd if distributed else ZERO)


@dataclass(frozen=True, slots=True)
class MonthBook:
    """All of a month. `nobodys` is by cause, as Due.shares; calls without tenant are `nameless`."""

    dues: Mapping[str, Due]
    nobodys: Mapping[str, Decimal]
    nameless: Sums
    total_usd: Decimal

    def left_usd(self, *, distributed: bool) -> Decimal:
        """What is in no tenant's due."""
        dues = (due.total_usd(distributed=distributed) for due in self.dues.values())
        return self.total_usd - sum(dues, ZERO)


def keep_book(calls: Mapping[str, Sums], gpus: Sequence[GpuSum]) -> MonthBook:
    """Make the month's book from the sums by tenant and from the month's GPU time."""
    works: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    idle: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for gpu in gpus:
        if gpu.kind == BUSY and gpu.tenant != NOBODY:
            works[gpu.pool][gpu.tenant] += gpu.cost_usd
        else:
            idle[gpu.pool, cause_of(gpu)] += gpu.cost_usd
    nameless = calls.get(NOBODY, Sums())
    tenants = sorted({*calls, *(tenant for pool in works.values() for tenant in pool)} - {NOBODY})
    gpu_usd = {tenant: sum((pool.get(tenant, ZERO) for pool in works.values()), ZERO)
               for tenant in tenants}  # fmt: skip
    own = {tenant: calls.get(tenant, Sums()).cost_usd + gpu_usd[tenant] for tenant in tenants}
    shares: dict[str, dict[str, Decimal]] = {tenant: defaultdict(Decimal) for tenant in tenants}
    lay_on(shares, UNATTRIBUTED, nameless.cost_usd, own)
    nobodys: dict[str, Decimal] = defaultdict(Decimal, {UNATTRIBUTED: nameless.cost_usd})
    for (pool, cause), usd in sorted(idle.items()):
        nobodys[cause] += usd
        by_work = works.get(pool, {})
        lay_on(shares, cause, usd, {t: by_work[t] for t in tenants if t in by_work})
    return MonthBook(
        dues={
            tenant: Due(tenant, calls.get(tenant, Sums()), gpu_usd[tenant], dict(shares[tenant]))
            for tenant in tenants
        },
        nobodys=dict(nobodys),
        nameless=nameless,
        total_usd=sum(own.values(), ZERO) + sum(nobodys.values(), ZERO),
    )


def cause_of(gpu: GpuSum) -> str:
    """Why GPU time is nobody's: its kind, or work that named no tenant."""
    return "nameless work" if gpu.kind == BUSY else gpu.kind


def lay_on(
    shares: Mapping[str, dict[str, Decimal]],
    cause: str,
    usd: Decimal,
    weights: Mapping[str, Decimal],
) -> None:
    for tenant, part in share_out(usd, weights).items():
        if part:
            shares[tenant][cause] += part

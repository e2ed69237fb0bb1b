"""From a pool's bill to the rows of an hour, which add up to it exactly.

    bill = busy + idle + unobserved   by GPU time
         + overhead                   a row of its own
    busy = the calls' parts           by GPU time that the server measured, where it did for every
                                      call of the hour; else by uncached input + 2.5 x output

Time in which GPUs worked and no call is known to have run stays a busy row without a name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from finops.costing.allocation.bill import UNITS, Bill
from finops.costing.allocation.cards import TICKS, Seen
from finops.costing.allocation.plan import Pool
from finops.costing.allocation.share import share_out

KINDS = ("busy", "idle", "unobserved", "overhead")
GPU_TIME, TOKENS, NOBODY = "gpu_time", "tokens", ""


@dataclass(frozen=True, slots=True, order=True)
class Group:
    """Whose calls: the key of a row, beside its kind."""

    tenant: str = ""
    model: str = ""
    provider: str = ""
    team: str = ""
    feature: str = ""
    environment: str = ""


NOBODYS = Group()


@dataclass(frozen=True, slots=True)
class CallWork:
    """What a group's calls did in an hour.

    `calls` and `tokens` are of the calls that started in it; `served` counts those that ran in it
    at all, `timed` those of them whose GPU time is known. Weights are whole thousandths: of
    uncached input + 2.5 x output tokens, and of GPU milliseconds; a call that ran over two hours
    has a part of its weight in each, by time.
    """

    group: Group
    calls: int = 0
    tokens: int = 0
    output_tokens: int = 0
    served: int = 0
    timed: int = 0
    token_weight: int = 0
    time_weight: int = 0

    def plus(self, other: CallWork) -> CallWork:
        return replace(
            self,
            calls=self.calls + other.calls,
            tokens=self.tokens + other.tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            served=self.served + other.served,
            timed=self.timed + other.timed,
            token_weight=self.token_weight + other.token_weight,
            time_weight=self.time_weight + other.time_weight,
        )


@dataclass(frozen=True, slots=True)
class Allocation:
    """A row: what part of the bill a group had, or nobody."""

    kind: str
    group: Group
    cost_usd: Decimal
    gpu_ms: int = 0
    calls: int = 0
    tokens: int = 0
    output_tokens: int = 0
    weight: int = 0
    energy_j: float = 0.0


@dataclass(frozen=True, slots=True)
class Split:
    """A pool's hour: how its GPU time divides, by what the busy part was shared, and the rows."""

    busy_ms: int
    idle_ms: int
    unobserved_ms: int
    basis: str
    rows: tuple[Allocation, ...]


def split_bill(pool: Pool, bill: Bill, seen: Seen, work: Sequence[CallWork]) -> Split:
    """Share a bill out; the rows' cost, GPU time and energy add up to the bill's exactly."""
    ticks = divide_time(bill, seen)
    units = in_units(bill.gpu_usd)
    # A bill without GPU time is a write-off while the machines are nobody's: nothing is known.
    parts = share_out(units, ticks if any(ticks.values()) else {"unobserved": 1})
    times = share_out(bill.gpu_ms, ticks) if any(ticks.values()) else ticks
    watched = {"busy": times["busy"], "idle": times["idle"]}
    energy = share_out(seen.energy_j if any(watched.values()) else 0, watched)
    basis, shares = weights_of(work)
    rows = busy_rows(pool, work, shares, (parts.get("busy", 0), times["busy"], energy["busy"]))
    for kind in ("idle", "unobserved"):
        if parts.get(kind) or times[kind]:
            used = energy.get(kind, 0)
            rows.append(
                Allocation(kind, NOBODYS, usd(parts.get(kind, 0)), times[kind], energy_j=used)
            )
    if bill.overhead_usd:
        rows.append(Allocation("overhead", NOBODYS, bill.overhead_usd))
    return Split(times["busy"], times["idle"], times["unobserved"], basis, tuple(rows))


def divide_time(bill: Bill, seen: Seen) -> dict[str, int]:
    """Weigh busy, idle and unobserved time; where more GPUs were seen than paid for, they share."""
    paid = bill.gpu_ms * TICKS
    busy = min(seen.busy_ticks, seen.covered_ticks) if paid else 0
    return {
        "busy": busy,
        "idle": seen.covered_ticks - busy if paid else 0,
        "unobserved": max(0, paid - seen.covered_ticks),
    }


def weights_of(work: Sequence[CallWork]) -> tuple[str, dict[Group, int]]:
    """Return what the busy part is shared by, and each group's weight."""
    served = sum(one.served for one in work)
    timed = bool(served) and served == sum(one.timed for one in work)
    by_time = timed and any(one.time_weight for one in work)
    weights: dict[Group, int] = defaultdict(int)
    for one in work:
        weights[one.group] += one.time_weight if by_time else one.token_weight
    if not any(weights.values()):
        return NOBODY, dict(weights)
    return (GPU_TIME if by_time else TOKENS), dict(weights)


def busy_rows(
    pool: Pool,
    work: Sequence[CallWork],
    weights: Mapping[Group, int],
    amounts: tuple[int, int, int],
) -> list[Allocation]:
    """One row for each group; without any weight, one without a name holds all that was busy."""
    together: dict[Group, CallWork] = {}
    for one in work:
        known = together.get(one.group)
        together[one.group] = known.plus(one) if known else one
    if any(weights.values()):
        shared = [shared_among(pool, weights, amount) for amount in amounts]
    else:
        shared = [{NOBODYS: amount} for amount in amounts]
    cost, time, energy = shared
    groups = sorted({*together, *(group for group, part in time.items() if part),
                     *(group for group, part in cost.items() if part)})  # fmt: skip
    return [
        Allocation(
            "busy",
            group,
            usd(cost.get(group, 0)),
            time.get(group, 0),
            done.calls,
            done.tokens,
            done.output_tokens,
            weights.get(group, 0),
            energy.get(group, 0),
        )
        for group in groups
        for done in [together.get(group, CallWork(group))]
    ]


def shared_among(pool: Pool, weights: Mapping[Group, int], amount: int) -> dict[Group, int]:
    """Share by weight; in a uniform pool first in equal parts by tenant.

    Tenants that are named for the pool pay their part even without a call.
    """
    if not pool.uniform:
        return share_out(amount, weights)
    tenants = set(pool.tenants) or {group.tenant for group, weight in weights.items() if weight}
    parts: dict[Group, int] = {}
    for tenant, part in share_out(amount, dict.fromkeys(tenants, 1)).items():
        own = {group: weight for group, weight in weights.items() if group.tenant == tenant}
        parts |= share_out(part, own if any(own.values()) else {Group(tenant): 1})
    return parts


def in_units(amount: Decimal) -> int:
    return int(amount * UNITS)


def usd(units: int) -> Decimal:
    return Decimal((0, tuple(map(int, str(units))), -12))

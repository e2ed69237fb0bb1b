"""What came of a workload on a cluster."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from decimal import Decimal

from finops.engine.result import Ledger, Result
from finops.engine.workload import Column

HOUR_PS = 3600 * 10**12


@dataclass(frozen=True)
class ReplicaUse:
    """What one replica did and what is paid for it.

    `up_ps` is paid for: from the order to start it until it stopped or all was over, its start-up
    time included. `busy_ps` of it were spent in steps. `requests` were answered by it.
    """

    group: str
    up_ps: int
    busy_ps: int
    steps: int
    tokens: int
    requests: int
    usd_per_hour: Decimal

    @property
    def utilisation(self) -> float:
        """Share of the time paid for in which a step ran."""
        return self.busy_ps / max(1, self.up_ps)

    @property
    def cost_usd(self) -> Decimal:
        """The price of the time that it was up."""
        return self.usd_per_hour * self.up_ps / HOUR_PS


@dataclass(frozen=True)
class ClusterResult(Result):
    """The columns of a Result, and where each request ended.

    `replica` (an index of `replicas`) and `group` (of the cluster's groups) are those of the last
    attempt, −1 if no replica took it; where prefill and decode are apart, who had it last.
    `escalated` is 1 where the small model's answer was not good enough: `first_ps` and
    `scheduled_ps` are then the large model's, `arrival_ps` is still the request's. `busy_ps`,
    `steps` and `computed_tokens` are sums over all replicas, `utilisation` is of the time paid for.
    """

    replica: Column
    group: Column
    escalated: Column
    replicas: tuple[ReplicaUse, ...]

    @property
    def utilisation(self) -> float:
        """Share of the time paid for, over all replicas, in which a step ran."""
        return self.busy_ps / max(1, sum(use.up_ps for use in self.replicas))

    @property
    def cost_usd(self) -> Decimal:
        """The price of all replicas' time."""
        return sum((use.cost_usd for use in self.replicas), Decimal(0))

    @property
    def cost_per_success_usd(self) -> Decimal | None:
        """Cost ÷ requests that got their whole answer; None without any."""
        finished = int(self.finished.sum())
        return self.cost_usd / finished if finished else None

    def by_group(self) -> dict[str, ReplicaUse]:
        """The replicas of each group added up: replica-seconds paid for, busy ones, and so on."""
        sums: dict[str, ReplicaUse] = {}
        for use in self.replicas:
            other = sums.get(use.group)
            sums[use.group] = use if other is None else added(other, use)
        return sums


def added(one: ReplicaUse, two: ReplicaUse) -> ReplicaUse:
    """Two of a group as one."""
    return ReplicaUse(
        one.group,
        one.up_ps + two.up_ps,
        one.busy_ps + two.busy_ps,
        one.steps + two.steps,
        one.tokens + two.tokens,
        one.requests + two.requests,
        one.usd_per_hour,
    )


class ClusterLedger(Ledger):
    """Also writes down where each request went."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.replica, self.group = (array("q", [-1]) * size for _ in range(2))
        self.escalated = array("q", [0]) * size

    def placed(self, index: int, replica: int, group: int) -> None:
        """The attempt is at this replica now; −1: at none."""
        self.replica[index] = replica
        self.group[index] = group

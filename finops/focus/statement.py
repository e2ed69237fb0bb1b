"""One tenant's statement for one month: what is due, and what it consists of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Literal

from finops.focus.month_book import BUSY, Due
from finops.focus.statement_month import Standing
from finops.queries import Unpriced
from finops.queries.statement import GpuSum, Summed

# Chargeback: the tenant pays it. Showback: it is told, and shares of what is nobody's stay aside.
Kind = Literal["chargeback", "showback"]
KINDS: tuple[Kind, ...] = ("chargeback", "showback")
DIVIDING = Context(prec=40, rounding=ROUND_HALF_EVEN)
USD_PLACES = Decimal("1e-12")
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What kind of statement; only a chargeback can have shares of what is nobody's in its sum."""

    kind: Kind = "chargeback"
    distribute: bool = False

    @property
    def distributed(self) -> bool:
        return self.distribute and self.kind == "chargeback"


@dataclass(frozen=True, slots=True)
class GpuTime:
    """A tenant's GPU time on one pool with one model."""

    pool: str
    model: str
    calls: int
    tokens: int
    gpu_ms: int
    cost_usd: Decimal

    @property
    def hours(self) -> Decimal:
        return DIVIDING.divide(Decimal(self.gpu_ms), Decimal(HOUR_MS))


@dataclass(frozen=True, slots=True)
class FeatureTotal:
    """Calls and GPU time of one feature."""

    feature: str
    sums: Summed | None
    gpu_usd: Decimal

    @property
    def total_usd(self) -> Decimal:
        return self.gpu_usd + (self.sums.sums.cost_usd if self.sums else Decimal(0))


@dataclass(frozen=True, slots=True)
class Statement:
    """Everything that is written on a statement; amounts in USD with every digit."""

    workspace: str
    workspace_slug: str
    tenant: str
    month: date
    asked: Asked
    standing: Standing
    made_at: datetime
    due: Due
    by_model: Sequence[Summed]
    by_feature: Sequence[FeatureTotal]
    gpu_times: Sequence[GpuTime]
    unpriced: Sequence[Unpriced]
    rate_versions: Sequence[int]

    @property
    def total_usd(self) -> Decimal:
        return self.due.total_usd(distributed=self.asked.distributed)

    @property
    def clean_per_success_usd(self) -> Decimal | None:
        """Clean cost of calls and GPU time, by successful requests; None when none succeeded."""
        return self.per_success(self.due.calls.clean_cost_usd + self.due.gpu_usd)

    @property
    def loaded_per_success_usd(self) -> Decimal | None:
        """The same with waste."""
        return self.per_success(self.due.own_usd)

    def per_success(self, usd: Decimal) -> Decimal | None:
        succeeded = self.due.calls.successful_requests
        if not succeeded:
            return None
        return DIVIDING.divide(usd, Decimal(succeeded)).quantize(USD_PLACES)

    @property
    def moved_usd(self) -> Decimal:
        return self.standing.moved_usd(self.tenant, self.due.calls.cost_usd)


def gpu_times_of(tenant: str, gpus: Sequence[GpuSum]) -> list[GpuTime]:
    """A tenant's work on GPUs by pool and model, the costliest first."""
    found: dict[tuple[str, str], list[GpuSum]] = defaultdict(list)
    for gpu in own_work(tenant, gpus):
        found[gpu.pool, gpu.model].append(gpu)
    times = [
        GpuTime(
            pool,
            model,
            calls=sum(gpu.calls for gpu in parts),
            tokens=sum(gpu.tokens for gpu in parts),
            gpu_ms=sum(gpu.gpu_ms for gpu in parts),
            cost_usd=sum((gpu.cost_usd for gpu in parts), Decimal(0)),
        )
        for (pool, model), parts in found.items()
    ]
    return sorted(times, key=lambda time: (-time.cost_usd, time.pool, time.model))


def by_feature(tenant: str, calls: Sequence[Summed], gpus: Sequence[GpuSum]) -> list[FeatureTotal]:
    """Calls and GPU time together, by feature, the costliest first."""
    summed = {one.group["feature"]: one for one in calls}
    on_gpus: dict[str, Decimal] = defaultdict(Decimal)
    for gpu in own_work(tenant, gpus):
        on_gpus[gpu.feature] += gpu.cost_usd
    totals = [
        FeatureTotal(name, summed.get(name), on_gpus.get(name, Decimal(0)))
        for name in {*summed, *on_gpus}
    ]
    return sorted(totals, key=lambda one: (-one.total_usd, one.feature))


def own_work(tenant: str, gpus: Sequence[GpuSum]) -> list[GpuSum]:
    return [gpu for gpu in gpus if gpu.kind == BUSY and gpu.tenant == tenant]


def without_gpu_models(
    tenant: str, unpriced: Sequence[Unpriced], gpus: Sequence[GpuSum]
) -> list[Unpriced]:
    """Leave out calls whose model has no token price because its GPU time is what is paid."""
    served = {(gpu.provider, gpu.model) for gpu in own_work(tenant, gpus)}
    return [one for one in unpriced if (one.provider, one.model) not in served]

"""What a workspace has said of its pools, from the relational database."""

from __future__ import annotations

from datetime import UTC, datetime

from finops.accounts.models import Workspace
from finops.costing.allocation.bill import add_months
from finops.costing.allocation.plan import ZERO, Members, Pool, Price
from finops.pricing.gpu_price import GpuPrice
from finops.pricing.pools import GpuMembership, GpuPool, Sharing
from finops.pricing.rate import FOREVER


def pools_of(workspace: Workspace | int) -> list[Pool]:
    """Return all pools of a workspace, by name."""
    found = GpuPool.objects.filter(workspace=workspace).prefetch_related("memberships", "prices")
    return [
        Pool(
            name=pool.name,
            members=tuple(members_of(pool, one) for one in pool.memberships.all()),
            prices=tuple(price_of(one) for one in pool.prices.all()),
            serves=tuple(pool.serves),
            providers=tuple(pool.providers),
            tenants=tuple(pool.tenants),
            uniform=pool.sharing == Sharing.UNIFORM,
            overhead_percent=pool.overhead_percent,
        )
        for pool in found.order_by("name")
    ]


def members_of(pool: GpuPool, one: GpuMembership) -> Members:
    named = one.labels or one.hosts or one.gpu_models
    return Members(
        start=one.valid_from.astimezone(UTC),
        end=until(one.valid_to),
        gpus=one.gpus,
        labels=tuple(one.labels) if named else (pool.name,),
        hosts=tuple(one.hosts),
        gpu_models=tuple(one.gpu_models),
    )


def price_of(one: GpuPrice) -> Price:
    start = one.valid_from.astimezone(UTC)
    return Price(
        start=start,
        end=until(one.valid_to),
        kind=one.kind,
        gpus=one.gpus,
        usd_per_gpu_hour=one.usd_per_gpu_hour or ZERO,
        written_off_usd=(one.purchase_usd or ZERO) - (one.salvage_usd or ZERO),
        life_end=add_months(start, one.months) if one.months else None,
        hosting_usd_per_gpu_hour=one.hosting_usd_per_gpu_hour or ZERO,
        usd_per_kwh=one.usd_per_kwh or ZERO,
        pue=one.pue,
        gco2e_per_kwh=one.gco2e_per_kwh,
    )


def until(moment: datetime | None) -> datetime:
    return moment.astimezone(UTC) if moment else FOREVER

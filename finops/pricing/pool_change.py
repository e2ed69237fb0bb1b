"""Set GPU pools up and change them: checked, written down and audited.

What changes for hours that are allocated already is allocated again by the job, within minutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model, Q

from finops.accounts.audit import record
from finops.accounts.models import User, Workspace
from finops.pricing.errors import PricingError
from finops.pricing.gpu_price import GpuPrice
from finops.pricing.pools import GpuMembership, GpuPool

OF_POOL = ("name", "serves", "providers", "tenants", "sharing", "overhead_percent", "why")
OF_MEMBERS = ("gpus", "labels", "hosts", "gpu_models", "valid_from", "valid_to", "why")
OF_PRICE = (
    "kind", "gpus", "usd_per_gpu_hour", "purchase_usd", "salvage_usd", "months",
    "hosting_usd_per_gpu_hour", "usd_per_kwh", "pue", "gco2e_per_kwh", "valid_from", "valid_to",
    "why",
)  # fmt: skip


class PoolRefused(PricingError):
    """A pool, its GPUs or its price can't be so; `problem` says by field what to do about it."""

    code = "gpu_pool_refused"

    def __init__(self, problem: ValidationError) -> None:
        self.problem = problem
        super().__init__(" ".join(problem.messages))


def open_pool(
    workspace: Workspace,
    pool: Mapping[str, Any],
    members: Mapping[str, Any],
    price: Mapping[str, Any] | None,
    *,
    actor: User | None,
    key: str = "",
) -> GpuPool:
    """Set a pool up with its GPUs and, where it is known, its price; raises PoolRefused."""
    with transaction.atomic():
        made = GpuPool(workspace=workspace, who=actor, **pool)
        save(made)
        tell(made, actor, key, "gpu_pool.created", said(made, OF_POOL))
        set_members(made, members, actor=actor, key=key)
        if price is not None:
            set_price(made, price, actor=actor, key=key)
    return made


def change_pool(
    pool: GpuPool, values: Mapping[str, Any], *, actor: User | None, key: str = ""
) -> GpuPool:
    """Change what a pool serves, for whom, and how it is shared; holds for all its hours."""
    before = said(pool, OF_POOL)
    with transaction.atomic():
        for name, value in values.items():
            setattr(pool, name, value)
        save(pool)
        after = said(pool, OF_POOL)
        changed = {
            name: [before[name], after[name]] for name in after if before[name] != after[name]
        }
        tell(pool, actor, key, "gpu_pool.changed", changed)
    return pool


def delete_pool(pool: GpuPool, *, actor: User | None, key: str = "") -> None:
    """Delete a pool with its prices; its bills go with the next run of the allocation."""
    with transaction.atomic():
        tell(pool, actor, key, "gpu_pool.deleted", said(pool, OF_POOL))
        pool.delete()


def set_members(
    pool: GpuPool, values: Mapping[str, Any], *, actor: User | None, key: str = ""
) -> GpuMembership:
    """Say which GPUs a pool has from a moment on; what held until then ends there."""
    made = GpuMembership(pool=pool, who=actor, **values)
    with transaction.atomic():
        lock(pool)
        end_open(pool.memberships.all(), made.valid_from)
        save(made)
        tell(pool, actor, key, "gpu_pool.gpus_set", said(made, OF_MEMBERS))
    return made


def set_price(
    pool: GpuPool, values: Mapping[str, Any], *, actor: User | None, key: str = ""
) -> GpuPrice:
    """Set a price from a moment on; the one for all other GPUs ends there, if this is its heir."""
    made = GpuPrice(pool=pool, who=actor, **values)
    with transaction.atomic():
        lock(pool)
        if made.gpus is None:
            end_open(pool.prices.filter(gpus=None), made.valid_from)
        save(made)
        tell(pool, actor, key, "gpu_pool.price_set", {"price": made.pk, **said(made, OF_PRICE)})
    return made


def end_price(
    price: GpuPrice, valid_to: datetime, *, actor: User | None, key: str = ""
) -> GpuPrice:
    """Set when a price ends, itself not part of it; raises PoolRefused."""
    before = price.valid_to
    price.valid_to = valid_to
    with transaction.atomic():
        lock(price.pool)
        save(price)
        detail = {"price": price.pk, "before": text(before), "valid_to": text(price.valid_to)}
        tell(price.pool, actor, key, "gpu_pool.price_ended", detail)
    return price


def end_open(rows: Any, moment: datetime | None) -> None:
    """End what has no end and began before; what began later is left to refuse the newcomer."""
    if moment is not None:
        cut = moment.replace(microsecond=0)
        rows.filter(Q(valid_to=None) & Q(valid_from__lt=cut)).update(valid_to=cut)


def lock(pool: GpuPool) -> None:
    """Let no two changes of one pool find the same time free."""
    GpuPool.objects.select_for_update().get(pk=pool.pk)


def save(row: Model) -> None:
    try:
        row.full_clean()
    except ValidationError as error:
        raise PoolRefused(error) from None
    row.save()


def said(row: Model, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: text(getattr(row, name)) for name in names}


def text(value: Any) -> Any:
    """Return a value as the audit trail keeps it."""
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def tell(pool: GpuPool, actor: User | None, key: str, action: str, detail: dict[str, Any]) -> None:
    record(pool.workspace, actor, action, pool.name, key=key, pool=pool.pk, **detail)

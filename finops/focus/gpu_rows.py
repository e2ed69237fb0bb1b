"""FOCUS rows of self-hosted GPUs: the bill of a pool's hour, split over those who used it.

The origin charge is one hour of a pool at the price of its bill. Each part carries its ratio of
the hour as PricingQuantity, so quantities and ratios of an hour sum to 1, BilledCost to the bill.
PricingQuantity x ListUnitPrice = ListCost holds exactly; that differs from BilledCost by less than
the bill times 10^-12, because ratios have 12 places. Time that nobody used is rows of its own,
without an allocated resource.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import groupby

from finops.focus.account import Account, Row, account_cells, hour_cells, named, tenant_cells
from finops.focus.items import EXACT
from finops.focus.meters import GPU
from finops.focus.share_out import share_out
from finops.queries.focus_gpus import GpuPart

WHOLE = Decimal(1)
STATES = {
    "busy": "at work",
    "idle": "idle",
    "unobserved": "not observed",
    "overhead": "overhead of CPU, memory and network",
}
METHOD = "inferledger-gpu"
WHO = (
    "HostProviderName",
    "InvoiceIssuerName",
    "ProviderName",
    "PublisherName",
    "ServiceProviderName",
)


def gpu_rows(parts: Iterable[GpuPart], account: Account, *, splits: bool) -> Iterator[Row]:
    """Yield a row for each part; `splits`: the version has FOCUS's own columns for split charges.

    There a part keeps the sub account and tags of its origin, which has none, and names the tenant
    as the allocated resource. Before, the tenant is the row's sub account.
    """
    for _, of_hour in groupby(parts, key=lambda part: (part.hour, part.pool)):
        yield from hour_rows(list(of_hour), account, splits=splits)


def hour_rows(parts: list[GpuPart], account: Account, *, splits: bool) -> Iterator[Row]:
    bill = sum((part.cost_usd for part in parts), Decimal(0))
    ratios = share_out(WHOLE, dict(enumerate(part.cost_usd for part in parts)))
    common = {
        **account_cells(account),
        **hour_cells(parts[0].hour),
        **pool_cells(parts, bill, account),
    }
    for i, part in enumerate(parts):
        ratio = ratios.get(i, Decimal(0))
        tags = named(feature=part.feature, environment=part.environment, team=part.team)
        written = json.dumps(tags, ensure_ascii=False) if tags else None
        yield {
            **common,
            **tenant_cells("" if splits else part.tenant),
            **part_cells(part, ratio),
            "ListCost": EXACT.multiply(ratio, bill),
            "ContractedCost": EXACT.multiply(ratio, bill),
            "AllocatedTags": written if part.tenant else None,
            "Tags": None if splits else written,
            "x_Tenant": part.tenant or None,
        }


def pool_cells(parts: list[GpuPart], bill: Decimal, account: Account) -> Row:
    """What the parts of one hour share; the workspace itself is who offers the pool."""
    part = parts[0]
    basis = next((each.basis for each in parts if each.basis), "")
    sku = f"gpu-pool/{part.pool}/{GPU.key}"
    return {
        **dict.fromkeys(WHO, account.name),
        "ConsumedUnit": GPU.unit,
        "ContractedUnitPrice": bill,
        "ListUnitPrice": bill,
        "PricingUnit": GPU.pricing_unit,
        "ResourceId": part.pool,
        "ResourceName": part.pool,
        "ResourceType": "GPU Pool",
        "ServiceCategory": "Compute",
        "ServiceName": "GPU Pool",
        "ServiceSubcategory": "Other (Compute)",
        "AllocatedMethodId": f"{METHOD}-{basis}" if basis else METHOD,
        "SkuId": sku,
        "SkuMeter": GPU.name,
        "SkuPriceDetails": None,
        "SkuPriceId": f"{sku}/{bill.normalize():f}",
        "x_PriceSource": "pool",
        "x_PriceVersion": part.price_version or None,
    }


def part_cells(part: GpuPart, ratio: Decimal) -> Row:
    """What is a part's own; what it is a part of is in GPU milliseconds and in its ratio."""
    unit = {"tokens": "Weighted Tokens"}.get(part.basis, "GPU Milliseconds")
    used = Decimal(part.weight).scaleb(-3) if part.kind == "busy" else Decimal(part.gpu_ms)
    unit = unit if part.kind == "busy" else "GPU Milliseconds"
    return {
        "AllocatedMethodDetails": (
            f'{{"Elements": [{{"AllocatedRatio": {ratio:f}, "UsageUnit": "{unit}", '
            f'"UsageQuantity": {used:f}}}]}}'
        ),
        "AllocatedResourceId": part.tenant or None,
        "AllocatedResourceName": part.tenant or None,
        "BilledCost": part.cost_usd,
        "EffectiveCost": part.cost_usd,
        "ChargeDescription": describe(part),
        "ConsumedQuantity": part.gpu_ms,
        "PricingQuantity": ratio,
        "x_GpuState": part.kind,
    }


def describe(part: GpuPart) -> str:
    whose = part.model if part.kind == "busy" and part.model else ""
    return ", ".join(
        word for word in (f"GPU pool {part.pool}", STATES.get(part.kind, part.kind), whose) if word
    )

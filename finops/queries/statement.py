"""A month's sums for statements: by tenant, and of one tenant by model and by feature.

A month is one of UTC, so it consists of whole hours and the rollup answers it exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from typing import Any

from finops.clickhouse.client import Warehouse
from finops.queries.dimensions import Dimension, Filters
from finops.queries.ledger import INPUT_BUCKETS, OUTPUT_BUCKETS, SETTINGS, WASTE_CLASSES
from finops.queries.range import Range

ZERO = Decimal(0)
# As statements have it: a model that a tenant's GPU time paid for in a month lacks no price.
PAID_BY_GPUS = """(provider, model, tenant, toStartOfMonth(hour)) IN (
    SELECT provider, model, tenant, toStartOfMonth(hour) FROM gpu_allocations FINAL
    WHERE workspace_id = {workspace_id:UInt64} AND kind = 'busy'
        AND hour >= {start:DateTime('UTC')} AND hour < {end:DateTime('UTC')})"""


@dataclass(frozen=True, slots=True)
class Sums:
    """What calls come to. Costs are USD of the priced calls; tokens are of all calls.

    Input includes the cache buckets, output includes reasoning. Savings may be negative.
    """

    calls: int = 0
    requests: int = 0
    successful_requests: int = 0
    unpriced_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = ZERO
    clean_cost_usd: Decimal = ZERO
    retry_cost_usd: Decimal = ZERO
    failed_cost_usd: Decimal = ZERO
    fallback_cost_usd: Decimal = ZERO
    aborted_cost_usd: Decimal = ZERO
    duplicate_cost_usd: Decimal = ZERO
    discount_saving_usd: Decimal = ZERO
    provider_cache_saving_usd: Decimal = ZERO
    response_cache_saving_usd: Decimal = ZERO

    def __add__(self, other: Sums) -> Sums:
        return Sums(*(getattr(self, n) + getattr(other, n) for n in MEASURES))

    @property
    def waste_usd(self) -> Decimal:
        return self.cost_usd - self.clean_cost_usd

    @property
    def waste_by_class(self) -> dict[str, Decimal]:
        return {name: getattr(self, f"{name}_cost_usd") for name in WASTE_CLASSES}


MEASURES = tuple(each.name for each in fields(Sums))
SUMMED = {
    "input_tokens": " + ".join(INPUT_BUCKETS),
    "output_tokens": " + ".join(OUTPUT_BUCKETS),
    "unpriced_calls": f"if({PAID_BY_GPUS}, 0, unpriced_calls)",
}


@dataclass(frozen=True, slots=True)
class Summed:
    """The sums of one group, by the names of its dimensions."""

    group: Mapping[Dimension, str]
    sums: Sums = field(default_factory=Sums)


@dataclass(frozen=True, slots=True)
class GpuSum:
    """GPU time of a month: a pool's, of one kind, and whose."""

    pool: str
    kind: str
    tenant: str
    feature: str
    provider: str
    model: str
    calls: int
    tokens: int
    gpu_ms: int
    cost_usd: Decimal


def month_sums(
    ch: Warehouse,
    workspace_id: int,
    month: Range,
    group_by: Sequence[Dimension],
    tenant: str | None = None,
) -> list[Summed]:
    """Return the sums by dimension, the costliest first; of one tenant if it is named."""
    filters = Filters({} if tenant is None else {"tenant": (tenant,)})
    names = ", ".join(group_by)
    # s_: an alias that equals its column would be taken for it inside the other sums.
    sums = ", ".join(f"sum({SUMMED.get(name, name)}) AS s_{name}" for name in MEASURES)
    rows = ch.query(
        f"SELECT {names}, {sums} FROM usage_hourly FINAL "
        "WHERE workspace_id = {workspace_id:UInt64} "
        "AND hour >= {start:DateTime('UTC')} AND hour < {end:DateTime('UTC')}"
        f"{filters.conditions()} GROUP BY {names} HAVING s_calls > 0 OR s_requests > 0 "
        f"ORDER BY s_cost_usd DESC, s_calls DESC, {names}",
        {"workspace_id": workspace_id, "start": month.start, "end": month.end, **filters.params()},
        settings=SETTINGS,
    )
    return [
        Summed(
            {name: row[name] for name in group_by},
            Sums(*(row[f"s_{name}"] for name in MEASURES)),
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class TenantMonth:
    """What a tenant's calls and GPU time of one month cost; tenant '' is nobody's."""

    tenant: str
    month: date
    calls: int
    unpriced_calls: int
    cost_usd: Decimal


def tenant_months(ch: Warehouse, workspace_id: int, span: Range) -> list[TenantMonth]:
    """Return the cost by tenant and month of UTC; `span` is of whole months.

    Unpriced are calls that nothing pays for: not those that ran on the workspace's own GPUs.
    """
    rows = ch.query(
        "SELECT tenant, month, sum(number) AS calls, sum(unpriced) AS unpriced_calls, "
        "sum(usd) AS cost_usd FROM ("
        "SELECT tenant, toStartOfMonth(hour) AS month, calls AS number, "
        f"if({PAID_BY_GPUS}, 0, unpriced_calls) AS unpriced, cost_usd AS usd "
        "FROM usage_hourly FINAL "
        "WHERE workspace_id = {workspace_id:UInt64} "
        "AND hour >= {start:DateTime('UTC')} AND hour < {end:DateTime('UTC')} "
        "UNION ALL "
        "SELECT if(kind = 'busy', tenant, '') AS tenant, toStartOfMonth(hour) AS month, "
        "toUInt64(0) AS number, toUInt64(0) AS unpriced, cost_usd AS usd "
        "FROM gpu_allocations FINAL WHERE workspace_id = {workspace_id:UInt64} "
        "AND hour >= {start:DateTime('UTC')} AND hour < {end:DateTime('UTC')}"
        ") GROUP BY tenant, month HAVING calls > 0 OR cost_usd != 0 ORDER BY month, tenant",
        {"workspace_id": workspace_id, "start": span.start, "end": span.end},
        settings=SETTINGS,
    )
    return [TenantMonth(**row) for row in rows]


def gpu_sums(ch: Warehouse, workspace_id: int, month: Range) -> list[GpuSum]:
    """Return the workspace's GPU time of a month, all tenants' and nobody's, costliest first."""
    rows: list[dict[str, Any]] = ch.query(
        "SELECT pool, kind, tenant, feature, provider, model, sum(calls) AS s_calls, "
        "sum(tokens) AS s_tokens, sum(gpu_ms) AS s_gpu_ms, sum(cost_usd) AS s_cost_usd "
        "FROM gpu_allocations FINAL WHERE workspace_id = {workspace_id:UInt64} "
        "AND hour >= {start:DateTime('UTC')} AND hour < {end:DateTime('UTC')} "
        "GROUP BY pool, kind, tenant, feature, provider, model "
        "ORDER BY s_cost_usd DESC, pool, kind, tenant, feature, provider, model",
        {"workspace_id": workspace_id, "start": month.start, "end": month.end},
        settings=SETTINGS,
    )
    return [GpuSum(**{key.removeprefix("s_"): value for key, value in row.items()}) for row in rows]


def rate_versions(ch: Warehouse, workspace_id: int, month: Range, tenant: str) -> list[int]:
    """Return the versions of the rates that a tenant's calls were charged with, sorted."""
    [row] = ch.query(
        "SELECT arraySort(groupUniqArray(rate_version)) AS versions FROM charges FINAL "
        "WHERE workspace_id = {workspace_id:UInt64} AND tenant = {tenant:String} "
        "AND started_at >= {start:DateTime64(6, 'UTC')} "
        "AND started_at < {end:DateTime64(6, 'UTC')} AND counted = 1 AND isNotNull(cost_usd)",
        {"workspace_id": workspace_id, "tenant": tenant, "start": month.start, "end": month.end},
        settings=SETTINGS,
    )
    return [int(version) for version in row["versions"]]

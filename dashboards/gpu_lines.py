"""Numbers of GPU pools as the page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from dashboards.amounts import UNKNOWN, Figure, count, share, tokens
from dashboards.gpu_chart import WORDS
from dashboards.money import Money
from dashboards.words import name_of
from finops.costing.allocation.standing import HostStanding
from finops.queries.gpu_costs import GpuCost
from finops.queries.gpu_pool_cost import KINDS, PoolCost

ZERO = Decimal(0)
NAMES = {
    "busy": "at work, no call known",
    "idle": "idle",
    "unobserved": "unobserved",
    "overhead": "overhead",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table by tenant and model; `own` says that it is nobody's."""

    tenant: str
    model: str
    own: bool
    cost: Figure
    share: str
    percent: str
    calls: Figure
    tokens: Figure
    unit: Figure
    gpu_hours: str
    kwh: str


def cards(all_of: PoolCost, money: Money) -> list[dict[str, Any]]:
    """The four figures on top, each with how it is computed."""
    hours = all_of.gpu_ms / 3_600_000
    usd = all_of.usd_by_kind
    return [
        {
            "key": "bill",
            "label": "GPU bill",
            "value": money(all_of.bill_usd),
            "aside": f"{hours:,.1f} GPU-hours at {money(all_of.usd_per_gpu_hour).short} each",
            "how": [
                "Each hour: GPUs × price, or the hour's part of a purchase, hosting and measured "
                "energy; overhead comes on top.",
                "Busy, idle, unobserved and overhead add up to it to the last digit.",
            ],
        },
        {
            "key": "idle",
            "label": "Idle",
            "value": Figure(share(all_of.idle_share), share(all_of.idle_share)),
            "aside": f"{money(usd['idle']).short} idle, "
            f"{money(usd['unobserved']).short} unobserved",
            "how": [
                "GPU time that was observed and not at work ÷ GPU time that was paid for.",
                "Unobserved: hosts that are silent, and gaps of over five minutes between samples. "
                "It is billed and not called idle.",
            ],
            "parts": parts(all_of),
        },
        {
            "key": "unit",
            "label": "Cost per 1M tokens",
            "value": money(all_of.usd_per_million) if all_of.tokens else NOTHING,
            "aside": f"{money(all_of.usd_per_million_full).short} at full utilisation"
            if all_of.usd_per_million_full is not None
            else "no tokens ran on the pools",
            "how": [
                "The whole bill ÷ tokens in and out of the calls that ran on the pools.",
                "At full utilisation: × the busy part of the paid GPU time "
                f"({share(all_of.utilisation)}). Leaving that out understates the cost by 1 ÷ it.",
            ],
        },
        energy_card(all_of),
    ]


NOTHING = Figure(UNKNOWN, "unknown: no tokens ran on the pools")


def energy_card(all_of: PoolCost) -> dict[str, Any]:
    unit = all_of.kwh_per_million
    value = "no power was reported" if not all_of.energy_j else f"{all_of.site_kwh:,.6f} kWh"
    aside = f"{number(all_of.site_kwh)} kWh in all"
    if all_of.co2e_g is not None:
        aside += f", {number(all_of.co2e_g / 1000)} kg CO2e"
    return {
        "key": "energy",
        "label": "Energy per 1M tokens",
        "value": Figure(f"{number(unit)} kWh" if unit and all_of.energy_j else UNKNOWN, value),
        "aside": aside if all_of.energy_j else "no power was reported",
        "how": [
            "Energy of the pools' GPUs × PUE ÷ tokens.",
            "CO2e by the grid's grams per kWh that a price names; without it none is shown.",
        ],
    }


def number(value: float) -> str:
    """Three significant digits."""
    if not value:
        return "0"
    places = max(0, 2 - Decimal(value).adjusted())
    return f"{value:,.{places}f}"


def parts(all_of: PoolCost) -> list[dict[str, Any]]:
    """The bar below the idle share."""
    offset, found = ZERO, []
    for kind in KINDS:
        percent = all_of.usd_by_kind[kind] / all_of.bill_usd * 100 if all_of.bill_usd else ZERO
        if percent:
            found.append({"key": kind, "name": WORDS[kind], "offset": offset, "percent": percent})
            offset += percent
    return found


def pool_lines(pools: list[PoolCost], money: Money) -> list[dict[str, Any]]:
    """A row for each pool."""
    return [
        {
            "pool": one.pool,
            "bill": money(one.bill_usd),
            **{kind: money(one.usd_by_kind[kind]) for kind in KINDS},
            "utilisation": share(one.utilisation),
            "idle_share": share(one.idle_share),
            "unobserved_share": share(one.unobserved_share),
            "gpu_hours": f"{one.gpu_ms / 3_600_000:,.1f}",
            "tokens": tokens(one.tokens),
            "unit": money(one.usd_per_million) if one.tokens else NOTHING,
            "full": money(one.usd_per_million_full) if one.tokens else NOTHING,
            "kwh": number(one.site_kwh) if one.energy_j else UNKNOWN,
            "kwh_unit": number(one.kwh_per_million or 0)
            if one.energy_j and one.tokens
            else UNKNOWN,
            "co2e": UNKNOWN if one.co2e_g is None else f"{number(one.co2e_g / 1000)} kg",
            "unpriced_hours": f"{one.unpriced_ms / 3_600_000:,.1f}" if one.unpriced_ms else "",
        }
        for one in pools
    ]


def cost_lines(rows: list[GpuCost], money: Money) -> list[Line]:
    """Rows by tenant and model; what is nobody's keeps its own name."""
    total = sum((row.cost_usd for row in rows), ZERO)
    return [line(row, total, money) for row in rows]


def line(row: GpuCost, total: Decimal, money: Money) -> Line:
    kind, tenant, model = (row.group[name] for name in ("kind", "tenant", "model"))
    own = kind != "busy" or not (tenant or model)
    part = row.cost_usd / total if total else ZERO
    return Line(
        tenant=NAMES[kind] if own else name_of("tenant", tenant),
        model="" if own else name_of("model", model),
        own=own,
        cost=money(row.cost_usd),
        share=share(part),
        percent=f"{part * 100:.2f}",
        calls=count(row.calls),
        tokens=tokens(row.tokens),
        unit=money(row.usd_per_million) if row.tokens else Figure(UNKNOWN, "no tokens"),
        gpu_hours=hours_text(row.gpu_ms / 3_600_000),
        kwh=number(row.energy_j / 3_600_000) if row.energy_j else UNKNOWN,
    )


def hours_text(hours: float) -> str:
    """Two places; more where that would make a little time none."""
    return f"{hours:,.2f}" if hours >= 0.1 or not hours else number(hours)


def host_lines(standings: list[HostStanding], now: datetime) -> list[dict[str, Any]]:
    """A row for each host: what is wrong with it comes first."""
    told = [
        {
            "host": one.host,
            "pool": one.pool,
            "trouble": trouble(one),
            "rank": (one.priced, not one.silent),
        }
        for one in standings
    ]
    return sorted(told, key=lambda row: row["rank"])


def trouble(one: HostStanding) -> str:
    if not one.pool:
        return "seen, in no pool"
    if not one.priced:
        return "seen, without a price"
    return "silent: billed as unobserved" if one.silent else ""

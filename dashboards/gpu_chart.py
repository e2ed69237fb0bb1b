"""What GPUs were paid for over time: busy, idle, unobserved, overhead, in their own colours."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from dashboards.cost_chart import Chart, Key, is_partial, layout, table, trace
from dashboards.money import Money
from finops.queries import CostOverTime, Series
from finops.queries.gpu_costs import GpuCostOverTime

WORDS = {
    "busy": "Busy",
    "idle": "Idle",
    "unobserved": "Unobserved",
    "overhead": "Overhead",
}
COLOURS = {"busy": 3, "idle": 5, "unobserved": 0, "overhead": 4}


def gpu_chart(
    found: GpuCostOverTime, *, pool: str, now: datetime, zone: ZoneInfo, money: Money
) -> Chart:
    """Draw the bill by kind; the bar in which `now` lies is marked, since it will grow."""
    kinds = list(found.costs_usd)
    series = [Series(WORDS[kind], False, list(found.costs_usd[kind])) for kind in kinds]
    drawn = CostOverTime(found.bucket, found.starts, series)
    partial = [is_partial(start, found.bucket.width, now) for start in found.starts]
    colours = [COLOURS[kind] for kind in kinds]
    bars = table(drawn, partial, zone, money)
    return Chart(
        title=f"GPU cost per {found.bucket.name}{f', pool {pool}' if pool else ''}",
        summary=summary(series, found, money),
        figure={
            "data": [
                trace(one, drawn, "model", colour, partial, zone, money)
                for one, colour in zip(series, colours, strict=True)
            ],
            "layout": layout(drawn, zone, money),
        },
        keys=[
            Key(one.name, colour, money(one.total_usd), "")
            for one, colour in zip(series, colours, strict=True)
        ],
        bars=bars,
        partial=any(bar.partial for bar in bars),
    )


def summary(series: list[Series], found: GpuCostOverTime, money: Money) -> str:
    """The chart in a sentence, for those who can't see it."""
    if not series:
        return "No GPU time was paid for in this range."
    parts = ", ".join(f"{one.name.lower()} {money(one.total_usd).short}" for one in series)
    return f"Stacked bars of {len(found.starts)} times one {found.bucket.name}: {parts}."

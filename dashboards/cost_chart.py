"""Cost over time as a plain figure for Plotly, and the same numbers as a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from dashboards.amounts import Figure
from dashboards.money import Money
from dashboards.palette import REST, colours
from dashboards.words import name_of
from finops.queries import CostOverTime, Dimension, Series

USD_ONLY = Money()
ZERO = Decimal(0)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Key:
    """An entry of the legend: its colour, name, total, and the page with only it."""

    name: str
    colour: int
    total: Figure
    url: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of the table below the chart."""

    time: str
    costs: list[Figure]
    total: Figure
    partial: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """All that the page shows of cost over time."""

    title: str
    summary: str
    figure: dict[str, Any]
    keys: list[Key]
    bars: list[Bar]
    partial: bool


def cost_chart(
    found: CostOverTime,
    by: Dimension,
    *,
    now: datetime,
    zone: ZoneInfo,
    link: Callable[[Dimension, str], str],
    money: Money = USD_ONLY,
) -> Chart:
    """Draw the answer; the bar in which `now` lies is marked, since it will grow."""
    palette = colours(series.name for series in found.series if not series.rest)
    partial = [is_partial(start, found.bucket.width, now) for start in found.starts]
    traces = [
        trace(
            series,
            found,
            by,
            REST if series.rest else palette[series.name],
            partial,
            zone,
            money,
        )
        for series in found.series
    ]
    keys = [
        Key(
            label(series, by),
            REST if series.rest else palette[series.name],
            money(series.total_usd),
            "" if series.rest else link(by, series.name),
        )
        for series in found.series
    ]
    bars = table(found, partial, zone, money)
    return Chart(
        title=f"Cost per {found.bucket.name}, by {by}",
        summary=summary(found, by, zone, money),
        figure={"data": traces, "layout": layout(found, zone, money)},
        keys=keys,
        bars=bars,
        partial=any(bar.partial for bar in bars),
    )


def is_partial(start: datetime, width: timedelta, now: datetime) -> bool:
    return start <= now < start + width


def label(series: Series, by: Dimension) -> str:
    return "all others" if series.rest else name_of(by, series.name)


def local(moment: datetime, zone: ZoneInfo) -> str:
    """A time on the clocks of `zone`, without an offset: Plotly's axis shows it as it is."""
    return moment.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")


def trace(
    series: Series,
    found: CostOverTime,
    by: Dimension,
    colour: int,
    partial: list[bool],
    zone: ZoneInfo,
    money: Money,
) -> dict[str, Any]:
    """Bars of one series. `meta.colour` names a token; the browser knows its value in the theme.

    Money becomes a float here, and only here: the height of a bar. Its text is exact.
    """
    name = label(series, by)
    return {
        "type": "bar",
        "name": name,
        "x": [local(start, zone) for start in found.starts],
        "y": [float(money.value(cost)) if cost else None for cost in series.costs_usd],
        "customdata": [money.hover(cost) for cost in series.costs_usd],
        "hovertemplate": f"%{{customdata}}<extra>{escape(name)}</extra>",
        "xperiod": milliseconds(found.bucket.width),
        "xperiod0": local(found.starts[0], zone),
        "xperiodalignment": "middle",
        "marker": {"pattern": {"shape": ["/" if part else "" for part in partial]}},
        "meta": {"colour": colour},
    }


def escape(text: str) -> str:
    """Names come from clients; Plotly reads a few tags and %{} in its texts."""
    for char, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("%", "&#37;")):
        text = text.replace(char, entity)
    return text if len(text) <= 40 else text[:39] + "…"


def milliseconds(width: timedelta) -> int:
    return int(width.total_seconds() * 1000)


def layout(found: CostOverTime, zone: ZoneInfo, money: Money) -> dict[str, Any]:
    last = found.starts[-1] + found.bucket.width
    return {
        "barmode": "stack",
        "bargap": 0.18,
        "showlegend": False,
        "hovermode": "x unified",
        "dragmode": "zoom",
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "xaxis": {
            "type": "date",
            "range": [local(found.starts[0], zone), local(last, zone)],
            "automargin": True,
            "hoverformat": "%a %d %b %Y" if found.bucket.width >= DAY else "%a %d %b %H:%M",
        },
        "yaxis": {
            "tickprefix": money.sign,
            "rangemode": "tozero",
            "fixedrange": True,
            "automargin": True,
            "nticks": 5,
            "exponentformat": "none",
        },
    }


def table(found: CostOverTime, partial: list[bool], zone: ZoneInfo, money: Money) -> list[Bar]:
    """The bars that are not empty, newest first."""
    bars = []
    for index, start in enumerate(found.starts):
        costs = [series.costs_usd[index] for series in found.series]
        if all(cost == ZERO for cost in costs):
            continue
        priced = [cost for cost in costs if cost is not None]
        total = money(sum(priced, ZERO)) if priced else money(None)
        day = found.bucket.width >= DAY
        time = start.astimezone(zone).strftime("%a %d %b" if day else "%d %b %H:%M")
        bars.append(Bar(time, [money(cost) for cost in costs], total, partial[index]))
    return bars[::-1]


def summary(found: CostOverTime, by: Dimension, zone: ZoneInfo, money: Money) -> str:
    """The chart in a sentence, for those who can't see it."""
    totals = [
        sum((series.costs_usd[index] or ZERO for series in found.series), ZERO)
        for index in range(len(found.starts))
    ]
    if not any(totals):
        return "No cost in this range."
    peak = max(range(len(totals)), key=totals.__getitem__)
    largest = found.series[0]
    return (
        f"Stacked bars of {len(totals)} times one {found.bucket.name}: "
        f"{money(sum(totals, ZERO)).short} in all, at most {money(totals[peak]).short} at "
        f"{found.starts[peak].astimezone(zone):%d %b %H:%M}; "
        f"the largest {by} is {label(largest, by)} with {money(largest.total_usd).short}."
    )

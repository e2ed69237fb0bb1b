"""A model's price over time as a plain figure for Plotly, and the same steps as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from finops.pricing.history import Step, at, history, split_by_owner
from finops.pricing.meters import METERS
from finops.pricing.rate import BEGINNING, FOREVER, Rate
from finops.pricing.wording import day_text, price_text

# Each meter keeps its colour on every page of a model.
PRICES_SHOWN = ("input", "cache_read", "cache_write_5m", "output")
LEAD = timedelta(days=90)
SHORTEST = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class PriceLine:
    """One line of the chart: a meter, as listed or as agreed."""

    name: str
    colour: int
    steps: list[Step]
    agreed: bool


@dataclass(frozen=True, slots=True)
class PriceRow:
    """A row of the table: from a day on, what each line says."""

    since: str
    prices: list[str]


@dataclass(frozen=True, slots=True)
class PriceChart:
    """All that the page shows of a price over time."""

    summary: str
    figure: dict[str, Any]
    lines: list[PriceLine]
    rows: list[PriceRow]


def price_chart(rates: Sequence[Rate], meters: Sequence[str], now: datetime) -> PriceChart:
    """Draw standard processing for the smallest requests: list beside what was agreed."""
    listed, own = split_by_owner(rates)
    lines = [*lines_of(listed, meters, agreed=False), *lines_of(own, meters, agreed=True)]
    start, end = window(lines, now)
    return PriceChart(
        summary=summary(lines, now),
        figure={
            "data": [trace(line, start, end) for line in lines],
            "layout": layout(start, end),
        },
        lines=lines,
        rows=rows(lines),
    )


def lines_of(rates: Iterable[Rate], meters: Sequence[str], *, agreed: bool) -> list[PriceLine]:
    found = list(rates)
    suffix = ", agreed" if agreed else ""
    return [
        PriceLine(f"{METERS[meter].label}{suffix}", PRICES_SHOWN.index(meter) + 1, steps, agreed)
        for meter in meters
        if (steps := history(found, meter))
    ]


def window(lines: Iterable[PriceLine], now: datetime) -> tuple[datetime, datetime]:
    """From before the first dated step until a while after the last one, and at least a year."""
    dated = [
        edge
        for line in lines
        for step in line.steps
        for edge in (step.valid_from, step.valid_to)
        if BEGINNING < edge < FOREVER
    ]
    start = min([now - SHORTEST, *(edge - LEAD for edge in dated)])
    return start, max([now, *dated]) + LEAD


def trace(line: PriceLine, start: datetime, end: datetime) -> dict[str, Any]:
    """A line that holds its height until the next step; agreed ones are solid, listed dotted."""
    times: list[str] = []
    prices: list[float] = []
    texts: list[str] = []
    for step in line.steps:
        for moment in (max(step.valid_from, start), min(step.valid_to, end)):
            times.append(moment.strftime("%Y-%m-%dT%H:%M:%S"))
            prices.append(float(step.usd or 0))
            texts.append(price_text(step.usd))
    return {
        "type": "scatter",
        "mode": "lines",
        "name": line.name,
        "x": times,
        "y": prices,
        "customdata": texts,
        "hovertemplate": f"%{{customdata}}<extra>{line.name}</extra>",
        "line": {"width": 2, "dash": "solid" if line.agreed else "dot"},
        "marker": {},
        "meta": {"colour": line.colour},
    }


def layout(start: datetime, end: datetime) -> dict[str, Any]:
    return {
        "showlegend": False,
        "hovermode": "x unified",
        "dragmode": False,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "xaxis": {
            "type": "date",
            "range": [f"{start:%Y-%m-%d}", f"{end:%Y-%m-%d}"],
            "automargin": True,
            "fixedrange": True,
            "hoverformat": "%d %b %Y",
        },
        "yaxis": {
            "tickprefix": "$",
            "rangemode": "tozero",
            "fixedrange": True,
            "automargin": True,
            "nticks": 5,
            "exponentformat": "none",
        },
    }


def rows(lines: Sequence[PriceLine]) -> list[PriceRow]:
    """The prices after each step, the newest first."""
    edges = sorted({step.valid_from for line in lines for step in line.steps}, reverse=True)
    return [
        PriceRow(
            day_text(edge) if edge > BEGINNING else "as long as listed",
            [cell(at(line.steps, edge)) for line in lines],
        )
        for edge in edges
    ]


def cell(price: Decimal | None) -> str:
    return "–" if price is None else price_text(price)


def summary(lines: Sequence[PriceLine], now: datetime) -> str:
    """The chart in a sentence, for those who can't see it."""
    if not lines:
        return "No price by token."
    prices = ", ".join(f"{line.name} {cell(at(line.steps, now))}" for line in lines)
    steps = len({step.valid_from for line in lines for step in line.steps}) - 1
    changes = "never changed" if not steps else f"changed {steps} time{'' if steps == 1 else 's'}"
    return f"Prices for 1M tokens today: {prices}; they {changes}."

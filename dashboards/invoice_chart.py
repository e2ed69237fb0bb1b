"""Billed beside captured by day: a plain figure for Plotly, and the same numbers as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from dashboards.amounts import Figure, usd
from finops.invoices.reconcile import Reconciliation, Sums

# Places in the palette.
BILLED, CAPTURED = 1, 3
DAY_MS = 86_400_000
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class DayLine:
    """A row of the table below the chart."""

    day: date
    billed: Figure
    captured: Figure
    gap: Figure


@dataclass(frozen=True, slots=True)
class InvoiceChart:
    """All that the page shows of billed and captured by day."""

    figure: dict[str, Any]
    summary: str
    days: list[DayLine]


def invoice_chart(found: Reconciliation) -> InvoiceChart:
    """Draw the days; money becomes a float here and only here: the height of a bar."""
    days = found.days
    return InvoiceChart(
        figure={
            "data": [
                bars("Billed", BILLED, {day: one.billed_usd for day, one in days.items()}),
                bars("Captured", CAPTURED, {day: captured(one) for day, one in days.items()}),
            ],
            "layout": layout(list(days)),
        },
        summary=(
            f"Pairs of bars for {len(days)} days: {usd(found.total.billed_usd).short} billed and "
            f"{usd(captured(found.total)).short} captured in all."
        ),
        days=[
            DayLine(day, usd(one.billed_usd), usd(captured(one)), usd(one.gap_usd))
            for day, one in reversed(days.items())
            if one.billed_usd or captured(one) or one.foreign
        ],
    )


def captured(sums: Sums) -> Decimal:
    """All that was captured of the providers that bill, also against unconverted bills."""
    return sums.captured_usd + sums.captured_aside_usd


def bars(name: str, colour: int, amounts: Mapping[date, Decimal]) -> dict[str, Any]:
    return {
        "type": "bar",
        "name": name,
        "x": [day.isoformat() for day in amounts],
        "y": [float(amount) for amount in amounts.values()],
        "customdata": [usd(amount).short for amount in amounts.values()],
        "hovertemplate": f"%{{customdata}}<extra>{name}</extra>",
        "xperiod": DAY_MS,
        "xperiodalignment": "middle",
        "marker": {"pattern": {"shape": ""}},
        "meta": {"colour": colour},
    }


def layout(days: list[date]) -> dict[str, Any]:
    return {
        "barmode": "group",
        "bargap": 0.25,
        "showlegend": False,
        "hovermode": "x unified",
        "dragmode": "zoom",
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "xaxis": {
            "type": "date",
            "range": [days[0].isoformat(), (days[-1] + timedelta(days=1)).isoformat()],
            "automargin": True,
            "hoverformat": "%a %d %b %Y",
        },
        "yaxis": {
            "tickprefix": "$",
            "fixedrange": True,
            "automargin": True,
            "nticks": 5,
            "exponentformat": "none",
        },
    }

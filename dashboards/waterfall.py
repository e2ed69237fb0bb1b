"""From one cost to another in steps, as a plain figure for Plotly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dashboards.change_words import USD_ONLY, signed
from dashboards.money import Money

WHOLE, RISE, FALL = 1, 2, 3  # series colours
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Step:
    """A step's name and what it adds; USD."""

    name: str
    part_usd: Decimal


def waterfall(
    first: tuple[str, Decimal],
    steps: Sequence[Step],
    last: tuple[str, Decimal],
    money: Money = USD_ONLY,
) -> dict[str, Any]:
    """Draw bars that lie, from top to bottom, where each step starts from and leads to.

    Money becomes a float here, for the length of a bar; the texts are exact to what is shown.
    """
    names = [first[0], *(step.name for step in steps), last[0]]
    wholes = bars(
        WHOLE,
        "cost",
        [
            (first[0], ZERO, first[1], money(first[1]).short),
            (last[0], ZERO, last[1], money(last[1]).short),
        ],
        money,
    )
    rises: list[tuple[str, Decimal, Decimal, str]] = []
    falls: list[tuple[str, Decimal, Decimal, str]] = []
    at = first[1]
    for step in steps:
        text = signed(step.part_usd, money).short
        bar = (step.name, min(at, at + step.part_usd), abs(step.part_usd), text)
        (rises if step.part_usd >= 0 else falls).append(bar)
        at += step.part_usd
    traces = [wholes, bars(RISE, "more", rises, money), bars(FALL, "less", falls, money)]
    return {
        "data": [trace for trace in traces if trace["y"]],
        "layout": layout(names, first[1], steps, money),
    }


def bars(
    colour: int, name: str, of: Sequence[tuple[str, Decimal, Decimal, str]], money: Money
) -> dict[str, Any]:
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "y": [bar[0] for bar in of],
        "base": [float(money.value(bar[1])) for bar in of],
        "x": [float(money.value(bar[2])) for bar in of],
        "text": [bar[3] for bar in of],
        "textposition": "outside",
        "cliponaxis": False,
        "hovertemplate": "%{y}: %{text}<extra></extra>",
        "marker": {"pattern": {"shape": ["/" if colour == FALL else ""] * len(of)}},
        "meta": {"colour": colour},
    }


def layout(names: list[str], start: Decimal, steps: Sequence[Step], money: Money) -> dict[str, Any]:
    ends, at = [ZERO, start], start
    for step in steps:
        at += step.part_usd
        ends.append(at)
    low, high = float(money.value(min(ends))), float(money.value(max(ends)))
    # Room for the texts beside the longest bars, on a narrow screen too.
    room = (high - low) * 0.3 or 1.0
    return {
        "barmode": "overlay",
        "bargap": 0.3,
        "showlegend": False,
        "dragmode": False,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "xaxis": {
            "tickprefix": money.sign,
            "range": [low - (room if low < 0 else 0), high + room],
            "fixedrange": True,
            "automargin": True,
            "nticks": 4,
            "exponentformat": "none",
        },
        "yaxis": {
            "categoryorder": "array",
            "categoryarray": names,
            "autorange": "reversed",
            "showgrid": False,
            "fixedrange": True,
            "automargin": True,
        },
    }

"""What the page of ownership shows of one case: the ways over time, totals, break-even."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from typing import Any

from dashboards.amounts import Figure, scaled, usd
from finops.insights.ownership import HORIZONS, BreakEven, Course, Way
from finops.insights.ownership_case import OwnershipCase

WAY_WORDS: dict[Way, str] = {
    "api": "API",
    "rented": "Rented GPUs",
    "owned": "Owned GPUs",
    "serverless": "Serverless GPUs",
}
COLOURS: dict[Way, int] = {"api": 1, "rented": 2, "owned": 3, "serverless": 4}
DASHES: dict[Way, str] = {"api": "solid", "rented": "dash", "owned": "dashdot", "serverless": "dot"}


@dataclass(frozen=True, slots=True)
class WayRow:
    """One way: what it costs over each horizon, beside the API, and the GPUs it takes."""

    name: str
    colour: int
    year: Figure
    three: Figure
    per_million: Figure
    gpus: str
    best_year: bool
    best_three: bool


@dataclass(frozen=True, slots=True)
class OwnershipTable:
    """All of it; `months` are rows of month and what each way has cost by then."""

    verdict: str
    figure: dict[str, Any]
    summary: str
    rows: list[WayRow]
    months: list[tuple[int, list[str]]]
    break_evens: list[str]


def ownership_table(case: OwnershipCase) -> OwnershipTable:
    """Put a case on the page."""
    year, three = (case.cheapest(horizon) for horizon in HORIZONS)
    sums = {course.way: list(accumulate(course.months)) for course in case.courses}
    return OwnershipTable(
        verdict=verdict(year, three),
        figure=course_figure(case, sums),
        summary="What each way has cost after each of 36 months: "
        + "; ".join(
            f"{WAY_WORDS[way]} {usd(paid[11]).short} and {usd(paid[35]).short}"
            for way, paid in sums.items()
        )
        + ", after 12 and after 36.",
        rows=[way_row(course, case, course is year, course is three) for course in case.courses],
        months=[
            (month, [usd(sums[course.way][month - 1]).short for course in case.courses])
            for month in (1, 3, 6, 12, 18, 24, 30, 36)
        ],
        break_evens=[break_even_text(each, case) for each in case.break_evens],
    )


def verdict(year: Course, three: Course) -> str:
    if year.way == three.way:
        return f"{WAY_WORDS[year.way]} would cost least, over one year and over three"
    return (
        f"{WAY_WORDS[year.way]} would cost least over one year, "
        f"{WAY_WORDS[three.way].lower() if three.way != 'api' else 'the API'} over three"
    )


def way_row(course: Course, case: OwnershipCase, best_year: bool, best_three: bool) -> WayRow:
    year, three = (course.total_usd(horizon) for horizon in HORIZONS)
    tokens = sum(
        (case.traffic.tokens * (1 + case.terms.growth) ** month for month in range(HORIZONS[1])),
        Decimal(0),
    )
    first, last = course.gpus[0], course.gpus[-1]
    return WayRow(
        name=WAY_WORDS[course.way],
        colour=COLOURS[course.way],
        year=usd(year),
        three=usd(three),
        per_million=usd(three / tokens * 1_000_000) if tokens else usd(None),
        gpus="" if not last else f"{first:,}" if first == last else f"{first:,} to {last:,}",
        best_year=best_year,
        best_three=best_three,
    )


def break_even_text(found: BreakEven, case: OwnershipCase) -> str:
    """From how many tokens a month on GPUs are worth it, beside what there are today."""
    name = WAY_WORDS[found.way]
    first = found.all_tokens(found.first_output_tokens)
    good = found.all_tokens(found.for_good_output_tokens)
    if first is None or good is None:
        return f"{name}: never. Even a busy GPU costs more than the API takes for its tokens."
    today = f"today {tokens_text(case.traffic.tokens)}"
    if good == first:
        return f"{name}: from {tokens_text(first)} tokens a month ({today})."
    return (
        f"{name}: from {tokens_text(first)} tokens a month, and whatever GPUs are added from "
        f"{tokens_text(good)} ({today})."
    )


def tokens_text(tokens: Decimal) -> str:
    whole = tokens.to_integral_value()
    return scaled(whole) if whole >= 10_000 else f"{whole:,}"


def course_figure(case: OwnershipCase, sums: dict[Way, list[Decimal]]) -> dict[str, Any]:
    """Lines of what was paid by the end of each month. Money becomes a float here."""
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines",
                "name": WAY_WORDS[course.way],
                "x": list(range(1, len(course.months) + 1)),
                "y": [float(paid) for paid in sums[course.way]],
                "customdata": [usd(paid).short for paid in sums[course.way]],
                "hovertemplate": f"%{{customdata}}<extra>{WAY_WORDS[course.way]}</extra>",
                "line": {"dash": DASHES[course.way], "width": 2.5},
                "marker": {},
                "meta": {"colour": COLOURS[course.way]},
            }
            for course in case.courses
        ],
        "layout": {
            "showlegend": False,
            "hovermode": "x unified",
            "dragmode": False,
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "xaxis": {
                "title": {"text": "months from now"},
                "range": [1, HORIZONS[-1]],
                "tickvals": [1, 6, 12, 18, 24, 30, 36],
                "fixedrange": True,
                "automargin": True,
            },
            "yaxis": {
                "tickprefix": "$",
                "rangemode": "tozero",
                "fixedrange": True,
                "automargin": True,
                "nticks": 5,
            },
        },
    }

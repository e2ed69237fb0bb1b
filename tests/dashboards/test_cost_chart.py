from __future__ import annotations

from decimal import Decimal
from zoneinfo import ZoneInfo

import plotly.graph_objects as go

from dashboards.cost_chart import Chart, cost_chart
from finops.queries import CostOverTime, Series
from finops.queries.buckets import BUCKETS
from tests.queries.rows import at

HOUR = BUCKETS[2]
STARTS = [at("12:00"), at("13:00"), at("14:00")]


def drawn(*series: Series, zone: str = "UTC") -> Chart:
    found = CostOverTime(HOUR, STARTS, list(series))
    return cost_chart(
        found,
        "model",
        now=at("14:20"),
        zone=ZoneInfo(zone),
        link=lambda dimension, value: f"?{dimension}={value}",
    )


def costs(*amounts: str | None) -> list[Decimal | None]:
    return [None if amount is None else Decimal(amount) for amount in amounts]


def test_plotly_accepts_the_figure() -> None:
    chart = drawn(
        Series("gpt-4o", False, costs("1", "0", "0.5")), Series("", True, costs("0", "2", None))
    )
    figure = go.Figure(chart.figure)
    assert [trace.type for trace in figure.data] == ["bar", "bar"]
    assert figure.layout.barmode == "stack"


def test_an_empty_and_an_unpriced_bar_are_gaps_and_texts_are_exact() -> None:
    (trace,) = drawn(Series("m", False, costs("0.004123456789", "0", None))).figure["data"]
    assert trace["y"] == [0.004123456789, None, None]
    assert trace["customdata"] == ["$0.00412", "$0.00", "–"]


def test_the_axis_shows_the_clocks_of_the_workspace() -> None:
    (trace,) = drawn(Series("m", False, costs("1", "1", "1")), zone="Asia/Kolkata").figure["data"]
    assert trace["x"] == ["2026-11-21T17:30:00", "2026-11-21T18:30:00", "2026-11-21T19:30:00"]


def test_only_the_bar_that_still_grows_is_marked() -> None:
    chart = drawn(Series("m", False, costs("1", "1", "1")))
    assert chart.figure["data"][0]["marker"]["pattern"]["shape"] == ["", "", "/"]
    assert [(bar.time, bar.partial) for bar in chart.bars] == [
        ("21 Nov 14:00", True),
        ("21 Nov 13:00", False),
        ("21 Nov 12:00", False),
    ]


def test_the_table_leaves_empty_bars_out_and_adds_the_others_up() -> None:
    chart = drawn(
        Series("a", False, costs("1", "0", None)), Series("b", False, costs("2", "0", "4"))
    )
    assert [(bar.time, bar.total.short) for bar in chart.bars] == [
        ("21 Nov 14:00", "$4.00"),
        ("21 Nov 12:00", "$3.00"),
    ]


def test_the_legend_links_to_each_group_but_not_to_the_rest() -> None:
    chart = drawn(
        Series("a", False, costs("1", "0", "0")),
        Series("", False, costs("1", "0", "0")),
        Series("", True, costs("1", "0", "0")),
    )
    assert [(key.name, key.url) for key in chart.keys] == [
        ("a", "?model=a"),
        ("no model named", "?model="),
        ("all others", ""),
    ]
    assert chart.keys[-1].colour == 0


def test_a_name_cannot_write_markup_into_the_hover_text() -> None:
    (trace,) = drawn(Series("<b>%{x}&", False, costs("1", "1", "1"))).figure["data"]
    assert trace["hovertemplate"] == "%{customdata}<extra>&lt;b&gt;&#37;{x}&amp;</extra>"


def test_the_chart_is_said_in_a_sentence() -> None:
    chart = drawn(
        Series("a", False, costs("1", "5", "0")), Series("b", False, costs("1", "1", "1"))
    )
    assert chart.summary == (
        "Stacked bars of 3 times one hour: $9.00 in all, at most $6.00 at 21 Nov 13:00; "
        "the largest model is a with $6.00."
    )

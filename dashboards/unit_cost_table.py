"""The table of the Overview: one row for each tenant × model, sortable by its columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from dashboards.amounts import Figure, count, share, tokens
from dashboards.money import Money
from dashboards.page_state import PageState
from dashboards.words import name_of
from finops.queries import Dimension, UnitCost, UnitCosts
from finops.queries.unit_costs import divide

USD_ONLY = Money()
ROWS_SHOWN = 15
ROWS_AT_MOST = 500


@dataclass(frozen=True, slots=True)
class Column:
    """A header: what it sorts by, and how it is sorted now."""

    label: str
    title: str
    url: str
    direction: str
    narrow: bool


@dataclass(frozen=True, slots=True)
class Name:
    """A cell that names a group; a click shows only it."""

    text: str
    nameless: bool
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Row:
    """A group as text; `percent` is its cost beside that of the costliest group."""

    names: list[Name]
    cost: Figure
    share: str
    percent: float
    successful: Figure
    requests: Figure
    unit: Figure
    loaded: Figure
    waste: str
    waste_exact: str
    tokens_in: Figure
    tokens_out: Figure
    unpriced: int
    all_unpriced: bool


@dataclass(frozen=True, slots=True)
class Table:
    """All that the page shows of unit costs by group."""

    dimensions: tuple[Dimension, ...]
    columns: list[Column]
    rows: list[Row]
    total: Row
    groups: int
    more_url: str


# (sorted by, header, what it means, shown on a narrow screen)
COLUMNS = (
    ("cost_usd", "Cost", "Clean and waste together", True),
    ("successful_requests", "Successful", "Successful requests, of all requests", False),
    (
        "cost_per_successful_request_usd",
        "Per success",
        "Clean cost ÷ successful requests",
        True,
    ),
    (
        "loaded_cost_per_successful_request_usd",
        "Loaded",
        "All cost, waste included, ÷ successful requests",
        False,
    ),
    ("waste_cost_usd", "Waste", "Share of the cost that bought nothing; sorted by amount", False),
    ("input_tokens", "Tokens in", "Input tokens, cached ones included", False),
    ("output_tokens", "Tokens out", "Output tokens, reasoning included", False),
)


def unit_cost_table(
    found: UnitCosts, everything: UnitCost, state: PageState, money: Money = USD_ONLY
) -> Table:
    largest = max((row.cost_usd for row in found.rows if row.cost_usd), default=None)
    return Table(
        dimensions=state.group_by,
        columns=[column(state, *each) for each in COLUMNS],
        rows=[
            table_row(row, everything, largest, state.group_by, state.with_value, money)
            for row in found.rows
        ],
        total=table_row(everything, everything, None, (), state.with_value, money),
        groups=found.groups,
        more_url=state.url(rows="all") if len(found.rows) < found.groups else "",
    )


def column(state: PageState, order: str, label: str, title: str, narrow: bool) -> Column:
    """A header; the first click sorts the largest first, the next one turns the order."""
    direction = {f"-{order}": "descending", order: "ascending"}.get(state.sort, "")
    target = order if direction == "descending" else f"-{order}"
    return Column(label, title, state.url(sort=target), direction, narrow)


def table_row(
    row: UnitCost,
    everything: UnitCost,
    largest: Decimal | None,
    dimensions: tuple[Dimension, ...],
    link: Callable[[Dimension, str], str],
    money: Money,
) -> Row:
    beside = divide(row.cost_usd, largest)
    return Row(
        names=[name_cell(dimension, row.group[dimension], link) for dimension in dimensions],
        cost=money(row.cost_usd),
        share=share(divide(row.cost_usd, everything.cost_usd)),
        percent=float(beside * 100) if beside else 0.0,
        successful=count(row.successful_requests),
        requests=count(row.requests),
        unit=money(row.cost_per_successful_request_usd),
        loaded=money(row.loaded_cost_per_successful_request_usd),
        waste=share(row.waste_share),
        waste_exact=money(row.waste_cost_usd).exact,
        tokens_in=tokens(row.input_tokens),
        tokens_out=tokens(row.output_tokens),
        unpriced=row.unpriced_calls,
        all_unpriced=row.cost_usd is None,
    )


def name_cell(dimension: Dimension, value: str, link: Callable[[Dimension, str], str]) -> Name:
    text = name_of(dimension, value)
    return Name(text, not value, f"Add filter: {dimension} is {text}", link(dimension, value))

"""One source of additive measures: whole hours from the rollup, the edges from the charges.

A range that doesn't start or end on a whole UTC hour is answered exactly and in one statement: the
hours that lie inside come from usage_hourly, the rest from the charges. Both are read FINAL, so a
recomputation shows either its old or its new numbers. Calls that repeat another one (counted = 0)
add nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from finops.queries.dimensions import Dimension, Filters
from finops.queries.range import Range

# Somebody waits for each answer, on a thread that others wait for.
SETTINGS: dict[str, float] = {
    # Versions of one key never lie in two partitions: the hour is part of both.
    "do_not_merge_across_partitions_select_final": 1,
    "max_execution_time": 30,  # seconds
    "max_memory_usage": 4 * 1024**3,  # bytes
}

INPUT_BUCKETS = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "audio_in_tokens",
    "image_in_tokens",
)
OUTPUT_BUCKETS = ("output_tokens", "reasoning_tokens", "audio_out_tokens", "image_out_tokens")
WASTE_CLASSES = ("retry", "failed", "fallback", "aborted", "duplicate")
COSTS = ("clean_cost_usd", *(f"{name}_cost_usd" for name in WASTE_CLASSES))


def sum_of_buckets(buckets: Sequence[str]) -> str:
    return " + ".join(f"toUInt64(ifNull({bucket}, 0))" for bucket in buckets)


def cost_of_class(name: str) -> str:
    return f"if(waste_class = '{name}', ifNull(cost_usd, 0), 0)"


# measure -> (from a row of usage_hourly, from a row of charges)
MEASURES: dict[str, tuple[str, str]] = {
    "calls": ("calls", "toUInt64(1)"),
    "requests": ("requests", "toUInt64(last_attempt)"),
    "successful_requests": ("successful_requests", "toUInt64(last_attempt AND request_succeeded)"),
    "unpriced_calls": ("unpriced_calls", "toUInt64(isNull(cost_usd))"),
    "input_tokens": (sum_of_buckets(INPUT_BUCKETS), sum_of_buckets(INPUT_BUCKETS)),
    "output_tokens": (sum_of_buckets(OUTPUT_BUCKETS), sum_of_buckets(OUTPUT_BUCKETS)),
    "cost_usd": ("cost_usd", "ifNull(cost_usd, 0)"),
    "clean_cost_usd": ("clean_cost_usd", cost_of_class("clean")),
    **{f"{name}_cost_usd": (f"{name}_cost_usd", cost_of_class(name)) for name in WASTE_CLASSES},
}


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL and the values bound to its parameters."""

    sql: str
    params: dict[str, Any]


def ledger(
    workspace_id: int,
    span: Range,
    filters: Filters,
    dimensions: Sequence[Dimension],
    measures: Sequence[str],
    *,
    by_call: bool = False,
) -> Statement:
    """Rows of `at`, the dimensions and the measures of one workspace, to be summed by the reader.

    `at` is the hour, or the call's start where the row is a charge. `by_call` leaves the rollup
    aside: for buckets that don't consist of whole UTC hours.
    """
    whole = None if by_call else span.whole_hours
    edges = [span] if by_call else span.edges
    parts, params = [], {"workspace_id": workspace_id, **filters.params()}
    if whole is not None:
        parts.append(
            f"SELECT {columns('hour', dimensions, measures, 0)} FROM usage_hourly FINAL "
            "WHERE workspace_id = {workspace_id:UInt64} "
            "AND hour >= {first_hour:DateTime('UTC')} AND hour < {last_hour:DateTime('UTC')}"
            + filters.conditions()
        )
        params |= {"first_hour": whole.start, "last_hour": whole.end}
    for i, edge in enumerate(edges):
        parts.append(
            f"SELECT {columns('started_at', dimensions, measures, 1)} FROM charges FINAL "
            "WHERE workspace_id = {workspace_id:UInt64} AND counted = 1 "
            f"AND started_at >= {{edge_start_{i}:DateTime64(6, 'UTC')}} "
            f"AND started_at < {{edge_end_{i}:DateTime64(6, 'UTC')}}" + filters.conditions()
        )
        params |= {f"edge_start_{i}": edge.start, f"edge_end_{i}": edge.end}
    return Statement(" UNION ALL ".join(parts), params)


def columns(time: str, dimensions: Sequence[Dimension], measures: Sequence[str], side: int) -> str:
    """The select list of one side; all sides agree in names and order.

    The measures get a prefix: an alias that equals its column would be seen by WHERE and by the
    other measures.
    """
    selected = [f"toDateTime64({time}, 6, 'UTC') AS at", *dimensions]
    selected += [f"{MEASURES[name][side]} AS m_{name}" for name in measures]
    return ", ".join(selected)

"""The formats that are understood, and which of them a file is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from finops.invoices import (
    anthropic_cost,
    anthropic_csv,
    anthropic_usage,
    aws_cur,
    focus,
    openai_costs,
    openai_csv,
    openai_usage,
)
from finops.invoices.errors import UnknownFormat
from finops.invoices.limits import Limits
from finops.invoices.line import Found
from finops.invoices.text_rows import Table

MAPPED = "csv"


@dataclass(frozen=True, slots=True)
class TableFormat:
    """A format in rows, CSV or Parquet, known by its columns."""

    title: str
    fits: Callable[[list[str]], bool]
    read: Callable[[Table, str], Iterator[Found]]
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PagesFormat:
    """A format in pages of JSON, known by a name that a result or its bucket has."""

    title: str
    fits: Callable[[Mapping[str, Any], Mapping[str, Any]], bool]
    read: Callable[[list[Mapping[str, Any]], str, Limits], Iterator[Found]]


TABLES = {
    "openai_csv": TableFormat(
        "OpenAI dashboard, cost data (CSV)",
        openai_csv.fits_cost, openai_csv.read_cost, openai_csv.COST_COLUMNS,
    ),
    "openai_usage_csv": TableFormat(
        "OpenAI dashboard, activity data (CSV)",
        openai_csv.fits_usage, openai_csv.read_usage, openai_csv.USAGE_COLUMNS,
    ),
    "anthropic_csv": TableFormat(
        "Claude Console, cost (CSV)",
        anthropic_csv.fits_cost, anthropic_csv.read_cost, anthropic_csv.COST_COLUMNS,
    ),
    "anthropic_usage_csv": TableFormat(
        "Claude Console, usage (CSV)",
        anthropic_csv.fits_usage, anthropic_csv.read_usage, anthropic_csv.USAGE_COLUMNS,
    ),
    "aws_cur": TableFormat(
        "AWS Cost and Usage Report", aws_cur.fits, aws_cur.read, aws_cur.NEEDED
    ),
    "focus": TableFormat(
        "FOCUS (AWS, Azure, Google Cloud ...)", focus.fits, focus.read, focus.NEEDED
    ),
}  # fmt: skip
PAGES = {
    "openai_costs": PagesFormat(
        "OpenAI Admin API, costs (JSON)",
        lambda bucket, result: "start_time" in bucket and "amount" in result,
        openai_costs.read,
    ),
    "openai_usage": PagesFormat(
        "OpenAI Admin API, usage (JSON)",
        lambda bucket, result: "start_time" in bucket and "input_tokens" in result,
        openai_usage.read,
    ),
    "anthropic_cost": PagesFormat(
        "Anthropic Admin API, cost report (JSON)",
        lambda bucket, result: "starting_at" in bucket and "amount" in result,
        anthropic_cost.read,
    ),
    "anthropic_usage": PagesFormat(
        "Anthropic Admin API, usage report (JSON)",
        lambda bucket, result: "starting_at" in bucket and "uncached_input_tokens" in result,
        anthropic_usage.read,
    ),
}
TITLES = {
    **{name: one.title for name, one in PAGES.items()},
    **{name: one.title for name, one in TABLES.items()},
    MAPPED: "Any other CSV, with a mapping",
}


def check_name(name: str) -> None:
    """Raise UnknownFormat unless `name` is a format."""
    if name not in TITLES:
        raise UnknownFormat(f"There is no format {name[:40]!r}; there are {', '.join(TITLES)}.")


def table_format(name: str, columns: list[str]) -> str:
    """Return the format of a table; the one that is named has to fit. Raises UnknownFormat."""
    if name in TABLES:
        if not TABLES[name].fits(columns):
            raise UnknownFormat(
                f"This is not {TITLES[name]}: it needs the columns "
                f"{', '.join(TABLES[name].needs)}; the file has {shown(columns)}."
            )
        return name
    if name:
        raise UnknownFormat(f"{TITLES[name]} is JSON; this file is a table.")
    found = next((name for name, one in TABLES.items() if one.fits(columns)), "")
    if not found:
        raise UnknownFormat(
            f"No known export has these columns: {shown(columns)}. Give a mapping with the format "
            f"{MAPPED!r}, or export again as one of: {'; '.join(TITLES.values())}."
        )
    return found


def pages_format(name: str, pages: list[Mapping[str, Any]]) -> str:
    """Return the format of pages; the one that is named has to fit. Raises UnknownFormat."""
    if name and name not in PAGES:
        raise UnknownFormat(f"{TITLES[name]} is a table; this file is JSON.")
    for page in pages:
        for bucket in page["data"]:
            results = bucket.get("results") if isinstance(bucket, dict) else None
            if not isinstance(results, list) or not results or not isinstance(results[0], dict):
                continue
            fitting = [key for key, one in PAGES.items() if one.fits(bucket, results[0])]
            if name and name not in fitting:
                raise UnknownFormat(f"This is not {TITLES[name]}: its results are other ones.")
            if fitting:
                return fitting[0]
    if name:
        return name
    raise UnknownFormat(
        "No result in this JSON tells what it is. If the days are all empty, name the format."
    )


def shown(columns: list[str]) -> str:
    return (", ".join(columns[:12]) + (" ..." if len(columns) > 12 else ""))[:400] or "none"

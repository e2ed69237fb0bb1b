"""Anthropic: the two CSV exports of the Console, of the Cost page and of the Usage page.

Cost: usage_date_utc, model ("Claude Sonnet 4.5"), workspace, usage_type, token_type, cost_usd,
cost_type. Usage: usage_date_utc, model_version, workspace, usage_input_tokens_no_cache ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from finops.invoices.amount import read_day, read_decimal
from finops.invoices.anthropic_cost import BILL as COST_BILL
from finops.invoices.anthropic_usage import Usage, count, usage_lines
from finops.invoices.line import Found, InvoiceLine, Problem
from finops.invoices.meter import OTHER, meter_of, tier_of
from finops.invoices.text_rows import Row, Table

COST_COLUMNS = ("usage_date_utc", "cost_usd")
USAGE_COLUMNS = ("usage_date_utc", "usage_output_tokens")
TOKENS = {
    "usage_input_tokens_no_cache": "input",
    "usage_input_tokens_cache_read": "cache_read",
    "usage_input_tokens_cache_write_5m": "cache_write_5m",
    "usage_input_tokens_cache_write_1h": "cache_write_1h",
    "usage_output_tokens": "output",
}
# The names that people gave to keys say who works on what.
PERSONAL = ("api_key",)


def fits_cost(columns: list[str]) -> bool:
    return set(COST_COLUMNS) <= set(columns)


def fits_usage(columns: list[str]) -> bool:
    return set(USAGE_COLUMNS) <= set(columns)


def read_cost(table: Table, account: str) -> Iterator[Found]:
    return read(table, lambda row: [cost_line(row, account)])


def read_usage(table: Table, account: str) -> Iterator[Found]:
    return read(table, lambda row: lines_of_usage(row, account))


def read(table: Table, lines_of: Callable[[Row], list[Found]]) -> Iterator[Found]:
    for row in table.rows:
        try:
            if row.problem:
                raise ValueError(row.problem)
            yield from lines_of(row)
        except ValueError as error:
            yield Problem(row.line, str(error))


def cost_line(row: Row, account: str) -> InvoiceLine:
    cells = row.cells
    kind = cells.get("token_type") or cells.get("cost_type") or ""
    parts = [cells.get(name, "") for name in ("model", "usage_type", "token_type", "speed")]
    return InvoiceLine(
        bill=COST_BILL,
        day=read_day(cells["usage_date_utc"]),
        provider="anthropic",
        line=row.line,
        account=account,
        model=cells.get("model", "").strip(),
        service_tier=tier_of(f"{cells.get('usage_type', '')} {cells.get('speed', '')}"),
        meter=meter_of(kind) if kind else OTHER,
        project=cells.get("workspace", ""),
        description=" ".join(part for part in parts if part),
        billed=read_decimal(cells.get("cost_usd", "")),
        raw=kept(cells),
    )


def lines_of_usage(row: Row, account: str) -> list[Found]:
    cells = row.cells
    usage = Usage(
        line=row.line,
        start=cells["usage_date_utc"],
        model=cells.get("model_version", "").strip(),
        tier=tier_of(f"{cells.get('usage_type', '')} {cells.get('speed', '')}"),
        project=cells.get("workspace", ""),
        tokens={meter: count(cells, name) for name, meter in TOKENS.items()},
        searches=count(cells, "web_search_count"),
        raw=kept(cells),
    )
    return usage_lines(usage, account)


def kept(cells: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in cells.items() if text and name not in PERSONAL}

"""OpenAI: the CSVs of the usage dashboard's Export button.

Cost data (by line item): start_time, start_time_iso, amount_value, amount_currency, quantity,
quantity_unit, line_item, project_id, organization_id; a row without an amount is a day without
costs. Activity data (by model): start_time, num_model_requests, model, batch, input_tokens ...
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from finops.invoices.amount import read_day
from finops.invoices.json_pages import Result
from finops.invoices.line import Covered, Found, Problem
from finops.invoices.openai_costs import BILL, Cost, cost_line
from finops.invoices.openai_usage import lines_of as lines_of_usage
from finops.invoices.text_rows import Row, Table

COST_COLUMNS = ("start_time", "amount_value", "amount_currency")
USAGE_COLUMNS = ("start_time", "num_model_requests", "input_tokens", "output_tokens")
# People's own names and addresses have no place in a ledger of costs.
PERSONAL = ("user_email", "user_name", "organization_name", "project_name")


def fits_cost(columns: list[str]) -> bool:
    return set(COST_COLUMNS) <= set(columns)


def fits_usage(columns: list[str]) -> bool:
    return set(USAGE_COLUMNS) <= set(columns)


def read_usage(table: Table, account: str) -> Iterator[Found]:
    for row in table.rows:
        try:
            yield from usage_of(row, account)
        except ValueError as error:
            yield Problem(row.line, str(error))


def usage_of(row: Row, account: str) -> list[Found]:
    start = row.cells.get("start_time_iso", "").strip() or row.cells.get("start_time", "")
    cells = {**kept(row.cells), "batch": row.cells.get("batch", "").lower() == "true"}
    payer = account or row.cells.get("organization_id", "")
    return lines_of_usage(Result(row.line, {"start_time": start}, cells, row.problem), payer)


def read_cost(table: Table, account: str) -> Iterator[Found]:
    for row in table.rows:
        try:
            yield line_of(row, account)
        except ValueError as error:
            yield Problem(row.line, str(error))


def line_of(row: Row, account: str) -> Found:
    if row.problem:
        raise ValueError(row.problem)
    cells = row.cells
    day_text = cells.get("start_time_iso", "").strip() or cells.get("start_time", "")
    payer = account or cells.get("organization_id", "")
    if not cells.get("amount_value", "").strip():
        return Covered(BILL, payer, read_day(day_text))
    return cost_line(
        Cost(
            line=row.line,
            start=day_text,
            amount=cells["amount_value"],
            currency=cells.get("amount_currency", "") or "usd",
            item=cells.get("line_item", ""),
            quantity=cells.get("quantity", ""),
            unit=cells.get("quantity_unit", ""),
            project=cells.get("project_id", ""),
            raw=kept(cells),
        ),
        payer,
    )


def kept(cells: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in cells.items() if text and name not in PERSONAL}

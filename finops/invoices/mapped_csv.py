"""Any CSV, by a mapping that says which column is what."""

from __future__ import annotations

from collections.abc import Iterator

from finops.invoices.amount import read_amount, read_currency, read_day, tokens_of
from finops.invoices.line import CATEGORIES, USAGE, Found, InvoiceLine, Problem
from finops.invoices.mapping import ColumnMapping, check_columns
from finops.invoices.meter import OTHER, TOKEN_METERS, meter_of, named_tier
from finops.invoices.text_rows import Row, Table
from finops.pricing.resolve import catalogue_provider


def read(table: Table, account: str, mapping: ColumnMapping) -> Iterator[Found]:
    """Yield a line for each row; raises WrongMapping where the file lacks a column of it."""
    check_columns(mapping, table.columns)
    for row in table.rows:
        try:
            yield line_of(row, account, mapping)
        except ValueError as error:
            yield Problem(row.line, str(error))


def line_of(row: Row, account: str, mapping: ColumnMapping) -> InvoiceLine:
    if row.problem:
        raise ValueError(row.problem)
    cells = {ours: row.cells.get(name, "").strip() for ours, name in mapping.columns.items()}
    provider = catalogue_provider(cells.get("provider") or mapping.provider)
    if not provider:
        raise ValueError("it names no provider")
    amount = read_amount(cells.get("amount"), decimal_comma=mapping.decimal_comma)
    if "amount" in cells and amount is None:
        raise ValueError("it has no amount")
    quantity = read_amount(cells.get("quantity"), decimal_comma=mapping.decimal_comma)
    unit = cells.get("unit") or mapping.unit
    description = cells.get("description", "")
    meter = meter_of(cells.get("meter") or description) if cells else OTHER
    category = cells.get("category", "").lower() or USAGE
    if category not in CATEGORIES:
        raise ValueError(f"category {category[:40]!r} is not one of {', '.join(CATEGORIES)}")
    return InvoiceLine(
        bill=f"csv.{provider}",
        day=read_day(cells["day"], form=mapping.day_format),
        provider=provider,
        line=row.line,
        account=account or cells.get("account", ""),
        model=cells.get("model", ""),
        service_tier=named_tier(cells.get("service_tier")),
        meter=meter,
        category=category,
        project=cells.get("project", ""),
        description=description,
        quantity=quantity,
        unit=unit,
        tokens=tokens_of(quantity, unit) if meter in (*TOKEN_METERS, OTHER) else None,
        billed=amount,
        currency=read_currency(cells.get("currency") or mapping.currency),
        raw={name: text for name, text in row.cells.items() if text},
    )

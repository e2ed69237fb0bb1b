"""AWS: the Cost and Usage Report 2.0 of Data Exports (and the older CUR), lines of Bedrock.

Bedrock's usage types read USE1-Claude4.5Sonnet-cache-read-input-token-count, with the tier and the
kind of cross-region inference behind. The amount is the unblended cost: what the invoice says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta

from finops.invoices.amount import read_amount, read_currency, read_moment, tokens_of
from finops.invoices.cloud import about_models, meter_in, model_in, model_in_usage_type
from finops.invoices.line import (
    ADJUSTMENT,
    COMMITMENT,
    CREDIT,
    FEE,
    REFUND,
    TAX,
    USAGE,
    Found,
    InvoiceLine,
    Problem,
)
from finops.invoices.meter import TOKEN_METERS, tier_of
from finops.invoices.text_rows import Row, Table

BILL = "aws"
NEEDED = ("line_item_usage_start_date", "line_item_unblended_cost", "line_item_usage_type")
TYPES = {
    "Usage": USAGE, "DiscountedUsage": USAGE, "SavingsPlanCoveredUsage": USAGE, "Tax": TAX,
    "Credit": CREDIT, "Refund": REFUND, "Fee": FEE, "RIFee": COMMITMENT,
    "SavingsPlanRecurringFee": COMMITMENT, "SavingsPlanUpfrontFee": COMMITMENT,
    "SavingsPlanNegation": COMMITMENT, "EdpDiscount": CREDIT, "BundledDiscount": CREDIT,
    "PrivateRateDiscount": CREDIT, "SppDiscount": CREDIT,
}  # fmt: skip


def plain(column: str) -> str:
    """lineItem/UsageStartDate -> line_item_usage_start_date."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column).replace("/", "_").lower()


def fits(columns: list[str]) -> bool:
    return set(NEEDED) <= {plain(column) for column in columns}


def read(table: Table, account: str) -> Iterator[Found]:
    names = {column: plain(column) for column in table.columns}
    for row in table.rows:
        cells = {names.get(column, column): text for column, text in row.cells.items()}
        try:
            if row.problem:
                raise ValueError(row.problem)
            if line := line_of(row, cells, account):
                yield line
        except ValueError as error:
            yield Problem(row.line, str(error))


def line_of(row: Row, cells: Mapping[str, str], account: str) -> InvoiceLine | None:
    """Make a line; None where it is not about models."""
    usage_type = cells.get("line_item_usage_type", "")
    description = cells.get("line_item_line_item_description", "")
    said = (
        cells.get("line_item_product_code", ""),
        cells.get("product_servicecode", ""),
        cells.get("product_product_name", "") or cells.get("product", ""),
        cells.get("line_item_operation", ""),
        usage_type,
        description,
    )
    if not about_models(said):
        return None
    start = read_moment(cells["line_item_usage_start_date"])
    end_text = cells.get("line_item_usage_end_date", "")
    end = read_moment(end_text) if end_text.strip() else start + timedelta(days=1)
    amount = read_amount(cells["line_item_unblended_cost"])
    if amount is None:
        raise ValueError("it has no line_item_unblended_cost")
    kind = cells.get("line_item_line_item_type", "") or "Usage"
    meter = meter_in((usage_type, description))
    quantity = read_amount(cells.get("line_item_usage_amount"))
    unit = unit_of(cells.get("pricing_unit", ""), description)
    return InvoiceLine(
        bill=BILL,
        day=start.date(),
        days=max(1, -(-(end - start) // timedelta(days=1))),
        provider="aws",
        line=row.line,
        account=account or cells.get("bill_payer_account_id", ""),
        model=model_in("aws", (usage_type, said[2], description))
        or model_in_usage_type(usage_type),
        service_tier=tier_of(usage_type),
        meter=meter,
        category=TYPES.get(kind, ADJUSTMENT),
        project=cells.get("line_item_usage_account_id", ""),
        description=usage_type or description,
        quantity=quantity,
        unit=unit,
        tokens=tokens_of(quantity, unit) if meter in TOKEN_METERS else None,
        billed=amount,
        currency=read_currency(cells.get("line_item_currency_code", "") or "USD"),
        raw={name: text for name, text in row.cells.items() if text},
    )


def unit_of(unit: str, description: str) -> str:
    """Marketplace models are billed in Units, and only the description says of how many."""
    if unit.strip().lower() in ("", "units", "unit") and (
        found := re.search(r"(million|thousand|1k|1m)\b.*?tokens?", description, re.IGNORECASE)
    ):
        return "1M tokens" if found[1].lower() in ("million", "1m") else "1K tokens"
    return unit.strip()

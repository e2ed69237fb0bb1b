"""FOCUS 1.0 to 1.4: the cost exports of AWS, Azure, Google Cloud and whoever else writes it.

The amount is BilledCost: what the invoice says, without amortisation. Of a cloud's bill only lines
about models are taken; a provider of models is taken whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal

from finops.invoices.amount import read_amount, read_currency, read_moment, tokens_of
from finops.invoices.cloud import about_models, cloud_of, meter_in, model_in, model_in_usage_type
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
from finops.pricing.resolve import catalogue_provider

NEEDED = ("BilledCost", "BillingCurrency", "ChargePeriodStart", "ChargeCategory")
CATEGORIES = {
    "usage": USAGE, "tax": TAX, "credit": CREDIT, "adjustment": ADJUSTMENT, "purchase": FEE,
}  # fmt: skip
SERVICE = (
    "ServiceName", "ServiceSubcategory", "x_ServiceCode", "x_SkuMeterCategory",
    "x_SkuMeterSubcategory", "x_SkuServiceFamily", "x_Operation",
)  # fmt: skip
# From the most to the least exact.
SAYS_METER = (
    "SkuMeter", "x_SkuMeterName", "x_UsageType", "x_SkuDescription", "ChargeDescription", "SkuId",
)  # fmt: skip
MODEL_COLUMNS = ("x_ModelId", "x_Model", "x_ModelName")


def fits(columns: list[str]) -> bool:
    return set(NEEDED) <= set(columns)


def read(table: Table, account: str) -> Iterator[Found]:
    for row in table.rows:
        try:
            if row.problem:
                raise ValueError(row.problem)
            if line := line_of(row, account):
                yield line
        except ValueError as error:
            yield Problem(row.line, str(error))


def line_of(row: Row, account: str) -> InvoiceLine | None:
    """Make a line; None where it is not about models."""
    cells = row.cells
    names = [
        cells.get(name, "") for name in ("ServiceProviderName", "ProviderName", "HostProviderName")
    ]
    seller = next((name for name in names if name.strip()), "") or cells.get("PublisherName", "")
    cloud = cloud_of(seller)
    if not cloud and not seller.strip():
        raise ValueError("it has no ProviderName and no ServiceProviderName")
    provider = cloud or catalogue_provider(seller)
    texts = [cells.get(name, "") for name in SAYS_METER]
    if cloud and not about_models([*(cells.get(name, "") for name in SERVICE), *texts]):
        return None
    start = read_moment(cells["ChargePeriodStart"])
    end_text = cells.get("ChargePeriodEnd", "")
    end = read_moment(end_text) if end_text.strip() else start + timedelta(days=1)
    amount = read_amount(cells["BilledCost"])
    if amount is None:
        raise ValueError("it has no BilledCost")
    meter = meter_in(texts)
    quantity, unit, tokens = quantity_of(cells, meter)
    return InvoiceLine(
        bill=cloud or f"focus.{provider}",
        day=start.date(),
        days=max(1, -(-(end - start) // timedelta(days=1))),
        provider=provider,
        line=row.line,
        account=account or cells.get("BillingAccountId", ""),
        model=model_of(cells, provider, texts),
        service_tier=tier_of(" ".join(texts)),
        meter=meter,
        category=category_of(cells, amount),
        project=cells.get("SubAccountId", ""),
        description=next((text for text in texts if text), cells.get("ServiceName", "")),
        quantity=quantity,
        unit=unit,
        tokens=tokens,
        billed=amount,
        currency=read_currency(cells["BillingCurrency"]),
        raw={name: text for name, text in cells.items() if text},
    )


def model_of(cells: Mapping[str, str], provider: str, texts: list[str]) -> str:
    details = cells.get("SkuPriceDetails", "")
    if details.lstrip().startswith("{"):
        try:
            found = json.loads(details)
        except (ValueError, RecursionError):
            found = {}
        for name in ("ModelId", "x_ModelId", "x_Model", "ModelName"):
            if isinstance(found, dict) and isinstance(found.get(name), str) and found[name]:
                return str(found[name])
    for name in MODEL_COLUMNS:
        if cells.get(name, "").strip():
            return cells[name].strip()
    if provider == "azure":
        texts = texts[:2]  # a description in full sentences has no model in front
    named = model_in(provider, texts)
    return named or model_in_usage_type(cells.get("x_UsageType", "") or cells.get("SkuMeter", ""))


def quantity_of(cells: Mapping[str, str], meter: str) -> tuple[Decimal | None, str, Decimal | None]:
    """Return quantity, unit, tokens. Azure says in a column of its own how many are in a unit."""
    consumed, priced = (
        read_amount(cells.get("ConsumedQuantity")),
        read_amount(cells.get("PricingQuantity")),
    )
    unit, pricing_unit = cells.get("ConsumedUnit", ""), cells.get("PricingUnit", "")
    if meter not in TOKEN_METERS:
        return (consumed, unit, None) if consumed is not None else (priced, pricing_unit, None)
    block = read_amount(cells.get("x_PricingBlockSize"))
    if block is not None and priced is not None:
        described = cells.get("x_PricingUnitDescription", "") or pricing_unit
        return priced, described, tokens_of(priced, f"{block:f} tokens")
    if (tokens := tokens_of(consumed, unit)) is not None:
        return consumed, unit, tokens
    if (tokens := tokens_of(priced, pricing_unit)) is not None:
        return priced, pricing_unit, tokens
    # Google counts tokens in a unit that it calls count.
    if consumed is not None and re.fullmatch(r"\s*(counts?|requests?)?\s*", unit.lower()):
        return consumed, unit, consumed
    return (consumed, unit, None) if consumed is not None else (priced, pricing_unit, None)


def category_of(cells: Mapping[str, str], amount: Decimal) -> str:
    kind = cells.get("ChargeCategory", "").strip().lower()
    if kind not in CATEGORIES:
        raise ValueError(
            f"ChargeCategory {cells.get('ChargeCategory', '')[:40]!r} is not one of FOCUS"
        )
    category = CATEGORIES[kind]
    committed = cells.get("CommitmentDiscountId", "").strip()
    if category == FEE and (committed or cells.get("PricingCategory") == "Committed"):
        return COMMITMENT
    if cells.get("ChargeClass", "").strip() == "Correction" and category in (USAGE, ADJUSTMENT):
        return REFUND if amount < 0 else ADJUSTMENT
    return category

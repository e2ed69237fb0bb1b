"""FOCUS rows of calls to providers: one for each SKU of a line of the ledger.

    PricingQuantity x ListUnitPrice = ListCost and x ContractedUnitPrice = ContractedCost, exactly.
    BilledCost = EffectiveCost = what the ledger charged, to its last digit.

The ledger rounds each bucket of each call to 12 places. Where a rate is finer than that,
ContractedCost may differ from BilledCost by half of the last place for each call; a price that is
further off isn't the one that was charged, and the average is written instead.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from finops.focus.account import Account, Row, account_cells, hour_cells, named, tenant_cells
from finops.focus.items import EXACT, NOTHING, Item, items
from finops.focus.meters import FREE, Meter
from finops.focus.providers import maker_of, provider_of
from finops.queries.focus_lines import FocusLine

RATE_PLACES = Decimal("1e-18")

STANDARD = "standard"
LEDGER = "rate"
AVERAGE = "average"


@dataclass(slots=True)
class SkuBook:
    """Cells that depend on the SKU alone, written once: a month has few SKUs and many rows."""

    cells: dict[tuple[object, ...], Row] = field(default_factory=dict)
    hours: dict[datetime, Row] = field(default_factory=dict)


def token_rows(line: FocusLine, account: Account, book: SkuBook) -> Iterator[Row]:
    """Yield the rows of one line; their BilledCost is its cost exactly.

    Operations are counted on the first row alone, so that a sum over rows counts each once.
    """
    common = line_cells(line, account, book)
    counts = {"x_OperationCount": line.requests, "x_SuccessCount": line.successful_requests}
    for item in items(line):
        yield {**common, **sku_cells(line, item, book), **cost_cells(item), **counts}
        counts = {"x_OperationCount": 0, "x_SuccessCount": 0}


def line_cells(line: FocusLine, account: Account, book: SkuBook) -> Row:
    """Cells of everything but SKU and cost."""
    hour = book.hours.get(line.hour)
    if hour is None:
        hour = book.hours[line.hour] = {**account_cells(account), **hour_cells(line.hour)}
    key = (
        "line", line.tenant, line.team, line.feature, line.environment, line.agent, line.region,
        line.rate_version,
    )  # fmt: skip
    own = book.cells.get(key)
    if own is None:
        tags = named(
            feature=line.feature, environment=line.environment, agent=line.agent, team=line.team
        )
        own = book.cells[key] = {
            **tenant_cells(line.tenant),
            "RegionId": line.region or None,
            "RegionName": line.region or None,
            "Tags": json.dumps(tags, ensure_ascii=False) if tags else None,
            "x_PriceVersion": str(line.rate_version),
        }
    return {**hour, **own}


def sku_cells(line: FocusLine, item: Item, book: SkuBook) -> Row:
    key = (
        line.provider, line.model, line.service_tier, line.region, item.meter.key, line.hit,
        line.contracted, line.listed, item.contracted is None, item.listed is None,
    )  # fmt: skip
    known = book.cells.get(key)
    if known is None:
        known = book.cells[key] = describe_sku(line, item)
    return known


def describe_sku(line: FocusLine, item: Item) -> Row:
    provider = provider_of(line.provider)
    meter, tier = item.meter, line.service_tier or STANDARD
    sku = "/".join((line.provider or "unknown", line.model or "unknown", meter.key))
    details = {"x_ModelId": line.model, "x_ServiceTier": tier, **dict(meter.details)}
    maker = maker_of(line.model)
    if maker is not None:
        details["x_ModelDeveloper"] = maker
    return {
        "ChargeDescription": describe(line, meter, tier),
        "ConsumedUnit": meter.unit,
        "HostProviderName": provider.name,
        "InvoiceIssuerName": provider.name,
        "PricingUnit": meter.pricing_unit,
        "ProviderName": provider.name,
        "PublisherName": maker or provider.name,
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": provider.service,
        "ServiceProviderName": provider.name,
        "ServiceSubcategory": "Generative AI",
        "SkuId": sku,
        "SkuMeter": meter.name,
        "SkuPriceDetails": json.dumps(details, ensure_ascii=False),
        "SkuPriceId": price_id(sku, tier, line.region, item),
    }


def describe(line: FocusLine, meter: Meter, tier: str) -> str:
    about = f"{line.model or 'a model without a name'}, {meter.name.lower()}"
    if meter is FREE:
        why = "a cache of the client answered" if line.hit else "refused, or without tokens"
        return f"{about}: {why}"
    return about if tier == STANDARD else f"{about}, {tier}"


def price_id(sku: str, tier: str, region: str, item: Item) -> str:
    """A name for the SKU at this list price, and of no other."""
    price = item.listed if item.listed is not None else item.contracted
    at = f"{item.meter.unit_price(price):f}" if price is not None else AVERAGE
    return "/".join(part for part in (sku, tier, region, at) if part)


def cost_cells(item: Item) -> Row:
    """Quantities, prices and costs."""
    meter = item.meter
    quantity = meter.pricing_quantity(item.quantity)
    contracted, source = unit_usd(item)
    listed = contracted if item.listed is None else item.listed
    unit_price, list_unit_price = meter.unit_price(contracted), meter.unit_price(listed)
    return {
        "BilledCost": item.billed_usd,
        "ConsumedQuantity": item.quantity,
        "ContractedCost": EXACT.multiply(quantity, unit_price),
        "ContractedUnitPrice": unit_price,
        "EffectiveCost": item.billed_usd,
        "ListCost": EXACT.multiply(quantity, list_unit_price),
        "ListUnitPrice": list_unit_price,
        "PricingQuantity": quantity,
        "x_PriceSource": source,
        "x_WasteCost": item.waste_usd,
    }


def unit_usd(item: Item) -> tuple[Decimal, str]:
    """USD for one unit, and whether it is a rate or an average of what was charged."""
    if item.contracted is not None:
        return item.contracted, LEDGER
    if not item.quantity:
        return NOTHING, AVERAGE
    average = EXACT.divide(item.billed_usd, Decimal(item.quantity))
    return average.quantize(RATE_PLACES, context=EXACT), AVERAGE

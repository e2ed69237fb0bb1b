"""The rules of FOCUS that a file of ours can break, for 1.2 and 1.4, as plain checks of a CSV.

Written from the specification's column pages (mandatory columns, nulls, formats, allowed values,
products of price and quantity, what may be null together) and its rules for split charges. The
official validator covers 1.2 more widely; for 1.4 these are all the checks there are.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from decimal import Context, Decimal

Row = dict[str, str]
EXACT = Context(prec=76)

COMMON = (
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd",
    "BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodEnd",
    "ChargePeriodStart", "ContractedCost", "EffectiveCost", "InvoiceIssuerName", "ListCost",
    "PricingQuantity", "PricingUnit", "ServiceCategory", "ServiceName",
)  # fmt: skip
MANDATORY = {
    "1.2": (*COMMON, "ProviderName", "PublisherName"),
    "1.4": (*COMMON, "HostProviderName", "ServiceProviderName"),
}
REMOVED = {"1.2": (), "1.4": ("ProviderName", "PublisherName")}
NOT_NULL = {
    "BilledCost", "BillingAccountId", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
    "ChargeCategory", "ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart", "ContractedCost",
    "EffectiveCost", "HostProviderName", "InvoiceIssuerName", "ListCost", "PricingCurrency",
    "ProviderName", "PublisherName", "ServiceCategory", "ServiceName", "ServiceProviderName",
    "ServiceSubcategory",
    # not null for usage that isn't a correction, which is all that a ledger writes
    "ConsumedQuantity", "ContractedUnitPrice", "ListUnitPrice", "PricingCategory",
    "PricingQuantity", "SkuId", "SkuPriceId",
}  # fmt: skip
DECIMALS = {
    "BilledCost", "ConsumedQuantity", "ContractedCost", "ContractedUnitPrice", "EffectiveCost",
    "ListCost", "ListUnitPrice", "PricingQuantity", "x_OperationCount", "x_SuccessCount",
    "x_WasteCost",
}  # fmt: skip
TIMES = {"BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart"}
JSON = {"Tags", "SkuPriceDetails"}
OBJECTS = {"AllocatedMethodDetails", "x_AllocatedMethodDetails", "AllocatedTags"}
ALLOWED = {
    "ChargeCategory": {"Usage"},
    "ChargeClass": {""},
    "ChargeFrequency": {"Usage-Based"},
    "PricingCategory": {"Standard"},
    "BillingCurrency": {"USD"},
    "ServiceCategory": {"AI and Machine Learning", "Compute"},
    "ServiceSubcategory": {"Generative AI", "Other (Compute)"},
}
# One is null if and only if the other is.
TOGETHER = (
    ("ConsumedQuantity", "ConsumedUnit"),
    ("PricingQuantity", "PricingUnit"),
    ("RegionId", "RegionName"),
    ("ResourceId", "ResourceName"),
    ("ResourceId", "ResourceType"),
    ("SubAccountId", "SubAccountName"),
    ("SubAccountId", "SubAccountType"),
    ("SkuId", "SkuMeter"),
)
PRODUCTS = (("ListUnitPrice", "ListCost"), ("ContractedUnitPrice", "ContractedCost"))
NUMBER = re.compile(r"-?[0-9]+\.[0-9]+")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
UNIT = re.compile(r"([1-9][0-9]* )?[A-Z][A-Za-z]*(-[A-Z][A-Za-z]*)?")
FORMS = (
    (DECIMALS, NUMBER, "plain decimal"),
    (TIMES, TIME, "time in UTC"),
    ({"ConsumedUnit", "PricingUnit"}, UNIT, "unit"),
)
PARENTS = {"Generative AI": "AI and Machine Learning", "Other (Compute)": "Compute"}


def violations(text: str, version: str) -> list[str]:
    """Return what is wrong with a file, one sentence each; an empty list for a good one."""
    rows = list(csv.DictReader(io.StringIO(text)))
    header = text.split("\r\n", 1)[0].split(",")
    found = [f"column {name} is missing" for name in MANDATORY[version] if name not in header]
    found += [f"column {name} was removed" for name in REMOVED[version] if name in header]
    found += list(order(header))
    for number, row in enumerate(rows, 1):
        found += [f"row {number}: {problem}" for problem in of_row(row)]
    return [*found, *across(rows, version)]


def order(header: list[str]) -> Iterator[str]:
    own = [name.startswith("x_") for name in header]
    if own != sorted(own):
        yield "a column of our own stands among FOCUS's"
    for name in header:
        if not re.fullmatch(r"(x_)?([A-Z][a-z0-9]*)+", name):
            yield f"{name} is not in Pascal case"


def of_row(row: Row) -> Iterator[str]:
    yield from nulls(row)
    yield from formats(row)
    for name, allowed in ALLOWED.items():
        if name in row and row[name] not in allowed:
            yield f"{name} is {row[name]!r}"
    if PARENTS.get(row["ServiceSubcategory"]) != row["ServiceCategory"]:
        yield "ServiceSubcategory has another parent"
    yield from products(row)
    if not row["ChargePeriodStart"] < row["ChargePeriodEnd"]:
        yield "ChargePeriod is empty"
    if not row["BillingPeriodStart"] <= row["ChargePeriodStart"] < row["BillingPeriodEnd"]:
        yield "ChargePeriod is outside of its BillingPeriod"


def nulls(row: Row) -> Iterator[str]:
    for name in NOT_NULL & row.keys():
        if not row[name].strip():
            yield f"{name} is null"
    for one, other in TOGETHER:
        if one in row and other in row and bool(row[one]) != bool(row[other]):
            yield f"{one} and {other} are not null together"
    for name, value in row.items():
        if value.lower() in ("null", "none", "nan"):
            yield f"{name} writes a null as {value!r}"


def formats(row: Row) -> Iterator[str]:
    for names, form, what in FORMS:
        for name in names & row.keys():
            if row[name] and not form.fullmatch(row[name]):
                yield f"{name} is not a {what}: {row[name]!r}"
    for name in ("ListUnitPrice", "ContractedUnitPrice"):
        if row[name].startswith("-"):
            yield f"{name} is negative"
    for name in (JSON | OBJECTS) & row.keys():
        yield from json_problems(name, row[name])


def json_problems(name: str, text: str) -> Iterator[str]:
    if not text:
        return
    try:
        value = json.loads(text)
    except ValueError:
        yield f"{name} is not JSON"
        return
    if not isinstance(value, dict):
        yield f"{name} is not an object"
    elif name in JSON and any(isinstance(each, dict | list) for each in value.values()):
        yield f"{name} is nested"


def products(row: Row) -> Iterator[str]:
    """Unit price times quantity is the cost, to the last digit."""
    for price, cost in PRODUCTS:
        product = EXACT.multiply(Decimal(row[price]), Decimal(row["PricingQuantity"]))
        if product != Decimal(row[cost]):
            yield f"{price} x PricingQuantity is not {cost}"


def across(rows: list[Row], version: str) -> Iterator[str]:
    """What several rows have to agree in."""
    parents: dict[str, str] = {}
    prices: dict[str, str] = {}
    for row in rows:
        price_id = row["SkuPriceId"]
        if parents.setdefault(price_id, row["SkuId"]) != row["SkuId"]:
            yield f"{price_id} has two SkuIds"
        if (
            "average" not in price_id
            and prices.setdefault(price_id, row["ListUnitPrice"]) != (row["ListUnitPrice"])
        ):
            yield f"{price_id} has two list prices"
    yield from splits(rows, version)


def splits(rows: list[Row], version: str) -> Iterator[str]:
    """Parts of one pool's hour: ratios sum to 1, and dimensions agree (since 1.3)."""
    prefix = "x_" if version == "1.2" else ""
    origins: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        split = bool(row[f"{prefix}AllocatedMethodId"])
        if split:
            origins[row["ResourceId"], row["ChargePeriodStart"]].append(row)
        elif row[f"{prefix}AllocatedResourceId"] or row[f"{prefix}AllocatedMethodDetails"]:
            yield "a charge that is not split names an allocation"
    for (pool, start), parts in origins.items():
        ratios = [
            json.loads(part[f"{prefix}AllocatedMethodDetails"], parse_float=Decimal)["Elements"]
            for part in parts
        ]
        if sum(Decimal(one["AllocatedRatio"]) for each in ratios for one in each) != 1:
            yield f"{pool} {start}: ratios don't sum to 1"
        for name in ("Tags", "SubAccountId", "SkuPriceId", "ListUnitPrice"):
            if version != "1.2" and len({part[name] for part in parts}) > 1:
                yield f"{pool} {start}: parts differ in {name}"

"""OpenAI: pages of GET /v1/organization/costs.

Amounts are in the currency that each names. Grouped by line_item, an item reads "gpt-4o-2024-08-06,
input"; ungrouped there is a day's total and no model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from finops.invoices.amount import read_amount, read_currency, read_day, read_decimal
from finops.invoices.json_pages import Result, flat, results_of, text_of
from finops.invoices.limits import Limits
from finops.invoices.line import CREDIT, USAGE, Covered, Found, InvoiceLine, Problem
from finops.invoices.meter import OTHER, TOKEN_METERS, meter_of, tier_of

BILL = "openai.cost"
PROVIDER = "openai"


@dataclass(frozen=True, slots=True)
class Cost:
    """One cost in texts, as the API and the dashboard's CSV both have it."""

    line: int
    start: str
    amount: str
    currency: str
    item: str
    quantity: str
    project: str
    raw: Mapping[str, str]
    unit: str = ""


def read(pages: list[Mapping[str, Any]], account: str, limits: Limits) -> Iterator[Found]:
    """Yield a line for each result, a problem for one that can't be read."""
    for result in results_of(pages, limits):
        try:
            yield line_of(result, account)
        except ValueError as error:
            yield Problem(result.number, result.problem or str(error))


def line_of(result: Result, account: str) -> Found:
    if result.problem:
        raise ValueError(result.problem)
    day = read_day(text_of(result.bucket.get("start_time")))
    if result.cells is None:
        return Covered(BILL, account, day)
    amount = result.cells.get("amount")
    if not isinstance(amount, dict) or amount.get("value") is None:
        raise ValueError("it has no amount.value")
    start = text_of(result.bucket.get("start_time"))
    return cost_line(
        Cost(
            line=result.number,
            start=start,
            amount=text_of(amount["value"]),
            currency=text_of(amount.get("currency")) or "usd",
            item=text_of(result.cells.get("line_item")),
            quantity=text_of(result.cells.get("quantity")),
            project=text_of(result.cells.get("project_id")),
            raw={"start_time": start, **flat(result.cells)},
        ),
        account,
    )


def cost_line(cost: Cost, account: str) -> InvoiceLine:
    """Make a line of what both the API and the dashboard's CSV say of one cost."""
    model, meter = split_item(cost.item)
    quantity = read_amount(cost.quantity)
    counts_tokens = quantity is not None and meter in TOKEN_METERS
    return InvoiceLine(
        bill=BILL,
        day=read_day(cost.start),
        provider=PROVIDER,
        line=cost.line,
        account=account,
        model=model,
        service_tier=tier_of(cost.item.removeprefix(model)),
        meter=meter,
        category=CREDIT if "credit" in cost.item.lower() and not model else USAGE,
        project=cost.project,
        description=cost.item,
        quantity=quantity,
        unit=cost.unit or ("tokens" if counts_tokens else ""),
        tokens=quantity if counts_tokens else None,
        billed=read_decimal(cost.amount),
        currency=read_currency(cost.currency),
        raw=cost.raw,
    )


def split_item(item: str) -> tuple[str, str]:
    """'gpt-4o-2024-08-06, cached input' -> (gpt-4o-2024-08-06, cache_read); no comma: no meter."""
    model, comma, what = item.rpartition(",")
    if comma:
        return model.strip(), meter_of(what)
    words = item.strip()
    meter = meter_of(words) if words else ""
    looks_like_a_model = " " not in words and "-" in words
    return (words, OTHER) if looks_like_a_model else ("", meter or OTHER)

"""Anthropic: pages of GET /v1/organizations/cost_report.

`amount` is a decimal text in the currency's lowest unit: "123.45" in USD is $1.2345. Group by
description (and workspace_id), or no result names a model. Priority tier is not in this report.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from finops.invoices.amount import read_currency, read_day, read_decimal
from finops.invoices.billed_model import named_in
from finops.invoices.json_pages import Result, flat, results_of, text_of
from finops.invoices.limits import Limits
from finops.invoices.line import Covered, Found, InvoiceLine, Problem
from finops.invoices.meter import OTHER, meter_of, named_tier

BILL = "anthropic.cost"
# Currencies that have no hundredth.
WHOLE = ("JPY", "KRW", "VND", "CLP")


def read(pages: list[Mapping[str, Any]], account: str, limits: Limits) -> Iterator[Found]:
    for result in results_of(pages, limits):
        try:
            yield line_of(result, account)
        except ValueError as error:
            yield Problem(result.number, str(error))


def line_of(result: Result, account: str) -> Found:
    if result.problem:
        raise ValueError(result.problem)
    day = read_day(text_of(result.bucket.get("starting_at")))
    cells = result.cells
    if cells is None:
        return Covered(BILL, account, day)
    currency = read_currency(text_of(cells.get("currency")) or "USD")
    amount = read_decimal(text_of(cells.get("amount")))
    description = text_of(cells.get("description"))
    kind = text_of(cells.get("token_type")) or text_of(cells.get("cost_type")) or description
    return InvoiceLine(
        bill=BILL,
        day=day,
        provider="anthropic",
        line=result.number,
        account=account,
        model=text_of(cells.get("model")) or named_in("anthropic", description),
        service_tier=named_tier(text_of(cells.get("service_tier"))),
        meter=meter_of(kind) if kind else OTHER,
        project=text_of(cells.get("workspace_id")),
        description=description,
        billed=amount if currency in WHOLE else amount.scaleb(-2),
        currency=currency,
        raw={"starting_at": text_of(result.bucket.get("starting_at")), **flat(cells)},
    )

"""Anthropic: pages of GET /v1/organizations/usage_report/messages: tokens, no money.

Counts are exclusive already. Group by model (and service_tier).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from finops.invoices.amount import read_amount, read_day
from finops.invoices.json_pages import Result, flat, results_of, text_of
from finops.invoices.limits import Limits
from finops.invoices.line import Covered, Found, InvoiceLine, Problem
from finops.invoices.meter import named_tier

BILL = "anthropic.usage"
TOKENS = {
    "uncached_input_tokens": "input",
    "cache_read_input_tokens": "cache_read",
    "cache_creation.ephemeral_5m_input_tokens": "cache_write_5m",
    "cache_creation.ephemeral_1h_input_tokens": "cache_write_1h",
    "output_tokens": "output",
}
SEARCHES = "server_tool_use.web_search_requests"


@dataclass(frozen=True, slots=True)
class Usage:
    """One row of counts, as the API and the Console's CSV both have it."""

    line: int
    start: str
    model: str
    tier: str
    project: str
    tokens: Mapping[str, Decimal | None]
    searches: Decimal | None
    raw: Mapping[str, str]


def read(pages: list[Mapping[str, Any]], account: str, limits: Limits) -> Iterator[Found]:
    for result in results_of(pages, limits):
        try:
            yield from lines_of(result, account)
        except ValueError as error:
            yield Problem(result.number, str(error))


def lines_of(result: Result, account: str) -> list[Found]:
    if result.problem:
        raise ValueError(result.problem)
    start = text_of(result.bucket.get("starting_at"))
    day = read_day(start)
    if result.cells is None:
        return [Covered(BILL, account, day)]
    cells = flat(result.cells)
    usage = Usage(
        line=result.number,
        start=start,
        model=cells.get("model", ""),
        tier=cells.get("service_tier", ""),
        project=cells.get("workspace_id", ""),
        tokens={meter: count(cells, name) for name, meter in TOKENS.items()},
        searches=count(cells, SEARCHES),
        raw={"starting_at": start, **cells},
    )
    return usage_lines(usage, account) or [Covered(BILL, account, day)]


def usage_lines(usage: Usage, account: str) -> list[Found]:
    """Make a line for each count above 0."""
    counts = {meter: (number, "tokens") for meter, number in usage.tokens.items()}
    counts["web_search"] = (usage.searches, "requests")
    return [
        InvoiceLine(
            bill=BILL,
            day=read_day(usage.start),
            provider="anthropic",
            line=usage.line,
            account=account,
            model=usage.model,
            service_tier=named_tier(usage.tier),
            meter=meter,
            project=usage.project,
            description="messages",
            quantity=number,
            unit=unit,
            tokens=number if unit == "tokens" else None,
            raw=usage.raw,
        )
        for meter, (number, unit) in counts.items()
        if number
    ]


def count(cells: Mapping[str, str], name: str) -> Decimal | None:
    number = read_amount(cells.get(name))
    if number is not None and number < 0:
        raise ValueError(f"{name} is below 0")
    return number

"""OpenAI: pages of GET /v1/organization/usage/completions (and embeddings): tokens, no money.

input_tokens holds the cached ones (input_cached_tokens); audio is counted beside the text. Group by
model (and batch) when exporting: without a model there is nothing to compare with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from finops.invoices.amount import read_amount, read_day
from finops.invoices.json_pages import Result, flat, results_of, text_of
from finops.invoices.limits import Limits
from finops.invoices.line import Covered, Found, InvoiceLine, Problem
from finops.invoices.meter import named_tier

BILL = "openai.usage"
ZERO = Decimal(0)


def read(pages: list[Mapping[str, Any]], account: str, limits: Limits) -> Iterator[Found]:
    """Yield a line for each bucket of tokens that a result counts."""
    for result in results_of(pages, limits):
        try:
            yield from lines_of(result, account)
        except ValueError as error:
            yield Problem(result.number, str(error))


def lines_of(result: Result, account: str) -> list[Found]:
    if result.problem:
        raise ValueError(result.problem)
    day = read_day(text_of(result.bucket.get("start_time")))
    if result.cells is None:
        return [Covered(BILL, account, day)]
    tokens = buckets_of(result.cells)
    batch = result.cells.get("batch") is True
    return [
        InvoiceLine(
            bill=BILL,
            day=day,
            provider="openai",
            line=result.number,
            account=account,
            model=text_of(result.cells.get("model")),
            service_tier="batch"
            if batch
            else named_tier(text_of(result.cells.get("service_tier"))),
            meter=meter,
            project=text_of(result.cells.get("project_id")),
            description=text_of(result.cells.get("object")),
            quantity=count,
            unit="tokens",
            tokens=count,
            raw={"start_time": text_of(result.bucket.get("start_time")), **flat(result.cells)},
        )
        for meter, count in tokens.items()
        if count
    ] or [Covered(BILL, account, day)]


def buckets_of(cells: Mapping[str, Any]) -> dict[str, Decimal]:
    """Exclusive counts by bucket, from the inclusive ones that OpenAI sends."""
    total = count_of(cells, "input_tokens")
    cached = count_of(cells, "input_cached_tokens")
    audio_in = count_of(cells, "input_audio_tokens")
    audio_out = count_of(cells, "output_audio_tokens")
    if cached > total:
        raise ValueError(f"{cached} cached tokens are more than all {total} input tokens")
    return {
        "input": total - cached,
        "cache_read": cached,
        "output": count_of(cells, "output_tokens"),
        "audio_in": audio_in,
        "audio_out": audio_out,
    }


def count_of(cells: Mapping[str, Any], name: str) -> Decimal:
    found = read_amount(text_of(cells.get(name))) or ZERO
    if found < 0:
        raise ValueError(f"{name} is below 0")
    return found

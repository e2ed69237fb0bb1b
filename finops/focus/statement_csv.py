"""A statement as CSV: one table of lines with every digit, safe to open in a spreadsheet.

Lines of the section `total` add up to what is due where InTotal is yes; the other sections say the
same money again by model, feature and so on.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from io import StringIO

from finops.focus.spreadsheet import defuse
from finops.focus.statement import Statement
from finops.queries.statement import Sums

HEADER = (
    "Workspace", "Tenant", "Month", "Kind", "Status", "Section", "Name", "Detail", "Calls",
    "Requests", "SuccessfulRequests", "InputTokens", "OutputTokens", "GpuHours", "AmountUSD",
    "InTotal",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One line; what a section doesn't have is empty."""

    section: str
    name: str
    detail: str = ""
    sums: Sums | None = None
    calls: int | None = None
    tokens: tuple[int, int] | None = None
    gpu_hours: Decimal | None = None
    usd: Decimal | None = None
    in_total: bool | None = None

    def cells(self) -> list[object]:
        sums = self.sums
        counts: list[object] = [self.calls, None, None, *(self.tokens or (None, None))]
        if sums is not None:
            counts = [
                sums.calls, sums.requests, sums.successful_requests, sums.input_tokens,
                sums.output_tokens,
            ]  # fmt: skip
        hours = f"{self.gpu_hours:.6f}" if self.gpu_hours is not None else None
        usd = f"{self.usd:.12f}" if self.usd is not None else None
        in_total = None if self.in_total is None else ("yes" if self.in_total else "no")
        names = (self.section, defuse(self.name), defuse(self.detail))
        return [*names, *counts, hours, usd, in_total]


def statement_csv(statement: Statement) -> str:
    """Return the whole file."""
    buffer = StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(HEADER)
    same = (
        defuse(statement.workspace), defuse(statement.tenant), f"{statement.month:%Y-%m}",
        statement.asked.kind, "closed" if statement.standing.closed else "provisional",
    )  # fmt: skip
    for line in lines(statement):
        writer.writerow([*same, *line.cells()])
    return buffer.getvalue()


def lines(statement: Statement) -> Iterator[Line]:
    due, distributed = statement.due, statement.asked.distributed
    yield Line("total", "calls", sums=due.calls, usd=due.calls.cost_usd, in_total=True)
    hours = sum((time.hours for time in statement.gpu_times), Decimal(0))
    yield Line("total", "gpu time", gpu_hours=hours, usd=due.gpu_usd, in_total=True)
    for cause, usd in due.shares.items():
        yield Line("total", f"share of {cause}", usd=usd, in_total=distributed)
    yield Line("due", "total", usd=statement.total_usd)
    yield from ratios(statement)
    yield from details(statement)


def ratios(statement: Statement) -> Iterator[Line]:
    yield Line("per successful request", "clean", usd=statement.clean_per_success_usd)
    yield Line("per successful request", "loaded", usd=statement.loaded_per_success_usd)


def details(statement: Statement) -> Iterator[Line]:
    """The same money by model, feature and waste, then what was saved and what has no price."""
    for one in statement.by_model:
        provider, model = one.group["provider"], one.group["model"]
        yield Line("model", model, provider, sums=one.sums, usd=one.sums.cost_usd)
    for time in statement.gpu_times:
        yield Line(
            "gpu", time.model, time.pool, calls=time.calls, gpu_hours=time.hours, usd=time.cost_usd
        )
    for feature in statement.by_feature:
        sums = feature.sums.sums if feature.sums else None
        yield Line("feature", feature.feature, sums=sums, usd=feature.total_usd)
    calls = statement.due.calls
    for waste, usd in calls.waste_by_class.items():
        yield Line("waste", waste, usd=usd)
    yield Line("saving", "discounts", usd=calls.discount_saving_usd)
    yield Line("saving", "provider cache", usd=calls.provider_cache_saving_usd)
    yield Line("saving", "own response cache", usd=calls.response_cache_saving_usd)
    for missing in statement.unpriced:
        tokens = (missing.input_tokens, missing.output_tokens)
        name, detail = missing.model, f"{missing.provider} {missing.reason}".strip()
        yield Line("unpriced", name, detail, calls=missing.calls, tokens=tokens)
    for version in statement.rate_versions:
        yield Line("price version", str(version))

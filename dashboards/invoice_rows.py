"""What /invoices shows of a reconciliation: cards, providers, reasons, and the rows with gaps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from dashboards.amounts import Figure, share, tokens, usd
from finops.invoices.line import USAGE
from finops.invoices.reasons import TITLES
from finops.invoices.reconcile import Reconciliation, Row, Sums

SHOWN = 15
GOOD = ("equal", "rounding", "within_tolerance", "not_billed_yet")
EXPECTED = ("credit", "refund", "tax", "fee", "commitment", "adjustment")
TRUSTED = Decimal("0.98")
DOUBTED = Decimal("0.9")
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class ProviderLine:
    """One provider: what it billed, what of it was captured, up to which day."""

    name: str
    url: str
    billed: Figure
    captured: Figure
    gap: Figure
    rate: str
    tone: str
    last_billed: date | None
    foreign: str


@dataclass(frozen=True, slots=True)
class ReasonLine:
    """A reason and the sum of its gaps."""

    title: str
    tone: str
    gap: Figure


@dataclass(frozen=True, slots=True)
class GapLine:
    """A row of the reconciliation."""

    day: date
    provider: str
    model: str
    tier: str
    billed: Figure
    captured: Figure
    gap: Figure
    percent: str
    reason: str
    tone: str
    evidence: str
    tokens: str


def tone_of(reason: str) -> str:
    if reason in GOOD:
        return "good"
    return "" if reason in EXPECTED else "warn"


def rate_tone(rate: Decimal | None) -> str:
    """98 % is a ledger that can be trusted; below 90 % something is not instrumented."""
    if rate is None:
        return ""
    return "good" if rate >= TRUSTED else "warn" if rate >= DOUBTED else "bad"


def provider_lines(found: Reconciliation, link: Callable[[str], str]) -> list[ProviderLine]:
    return [provider_line(name, sums, link(name)) for name, sums in found.providers.items()]


def provider_line(name: str, sums: Sums, url: str) -> ProviderLine:
    return ProviderLine(
        name=name or "no provider named",
        url=url,
        billed=usd(sums.billed_usd),
        captured=usd(sums.captured_usd),
        gap=usd(sums.gap_usd),
        rate=share(sums.capture_rate),
        tone=rate_tone(sums.capture_rate),
        last_billed=sums.last_billed,
        foreign=foreign_text(sums.foreign.items()),
    )


def foreign_text(amounts: Iterable[tuple[str, Decimal]]) -> str:
    return ", ".join(f"{amount:,.2f} {code}" for code, amount in amounts)


def reason_lines(sums: Sums) -> list[ReasonLine]:
    """The reasons by the size of their gaps; those without any are left out."""
    return [
        ReasonLine(TITLES[reason], tone_of(reason), usd(gap))
        for reason, gap in sums.by_reason.items()
        if gap
    ]


def gap_lines(rows: Iterable[Row], *, shown: int | None = SHOWN) -> list[GapLine]:
    """The rows with the largest gaps first; those in other currencies before them."""
    ordered = sorted(rows, key=order_of)
    return [gap_line(row) for row in ordered[:shown]]


def order_of(row: Row) -> tuple[bool, Decimal, date, str]:
    return row.gap_usd is not None, -abs(row.gap_usd or ZERO), row.day, row.model


def gap_line(row: Row) -> GapLine:
    billed = (
        usd(row.billed_usd)
        if row.billed_usd is not None
        else Figure(foreign_text(row.foreign.items()), "not converted")
    )
    return GapLine(
        day=row.day,
        provider=row.provider,
        model="all models" if row.all_models else row.model,
        tier=row.service_tier,
        billed=billed,
        captured=usd(row.captured_usd),
        gap=usd(row.gap_usd) if row.gap_usd is not None else Figure("–", "not converted"),
        percent=signed_share(row.gap_share),
        reason=TITLES[row.reason],
        tone=tone_of(row.reason),
        evidence=row.evidence,
        tokens=token_text(row),
    )


def signed_share(part: Decimal | None) -> str:
    if part is None:
        return ""
    return f"−{share(-part)}" if part < 0 else share(part)


def token_text(row: Row) -> str:
    if row.billed_tokens is None:
        return ""
    billed, seen = int(row.billed_tokens.total), int(row.captured_tokens.total)
    return f"{tokens(billed).short} billed, {tokens(seen).short} captured"


@dataclass(frozen=True, slots=True)
class BillLine:
    """A line of a bill as the page of a day shows it."""

    name: str
    where: str
    meter: str
    category: str
    quantity: str
    amount: str
    raw: str


def bill_line(row: Mapping[str, Any]) -> BillLine:
    """Words for a row of finops.queries.invoiced.lines_of_day; amounts exactly as billed."""
    places = [row["bill"], row["account"], row["project"], f"line {row['line']}"]
    tier = f" · {row['service_tier']}" if row["service_tier"] else ""
    return BillLine(
        name=row["description"] or row["model"] or row["category"],
        where=", ".join(place for place in places if place),
        meter=f"{row['meter']}{tier}",
        category="" if row["category"] == USAGE else row["category"],
        quantity="" if row["quantity"] is None else f"{plain(row['quantity'])} {row['unit']}",
        amount="–" if row["billed"] is None else f"{plain(row['billed'])} {row['currency']}",
        raw=row["raw"],
    )


def plain(number: Decimal) -> str:
    return f"{number.normalize():,f}"

"""Amounts and names as a statement says them."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal

from finops.focus.statement import Statement

CAUSES = {
    "unattributed": "calls without a tenant",
    "idle": "idle GPU time",
    "unobserved": "GPU time that was not observed",
    "overhead": "overhead of GPU pools (CPU, memory, network)",
    "nameless work": "GPU work without a tenant",
}
WASTE = {
    "retry": "Attempts that a later one replaced",
    "failed": "Requests that never succeeded",
    "fallback": "Attempts that another model replaced",
    "aborted": "Cancelled by the client",
    "duplicate": "The same prompt again after a success",
}
REASONS = {
    "no_model": "the calls name no model",
    "no_rate": "no list price or contract covers the model",
    "no_usage": "no tokens were reported",
}
NAMELESS = "(not named)"


def dollars(usd: Decimal | None) -> str:
    """1,234.50; below a cent two significant digits: 0.0031; a dash where it is unknown."""
    if usd is None:
        return "–"
    size = abs(usd)
    if not size or size >= Decimal("0.01"):
        return f"{usd.quantize(Decimal('0.01'), ROUND_HALF_EVEN):,}"
    places = 1 - size.adjusted()
    return f"{usd.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN):f}"


def unit_dollars(usd: Decimal | None) -> str:
    """A price of one: four significant digits, or two places if that is more."""
    if usd is None:
        return "–"
    if not usd:
        return "0.00"
    places = max(2, 3 - usd.adjusted())
    return f"{usd.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN):f}"


def month_text(month: date) -> str:
    return f"{month:%B %Y}"


def title_of(statement: Statement) -> str:
    return f"{statement.asked.kind.capitalize()} {statement.tenant} {statement.month:%Y-%m}"


def file_stem(statement: Statement) -> str:
    """A name for a file that every system takes."""
    words = (statement.asked.kind, statement.workspace_slug, statement.tenant)
    safe = "_".join(
        "".join(c if (c.isascii() and c.isalnum()) or c in ".-" else "-" for c in w) for w in words
    )
    return f"{safe.strip('.')[:120]}_{statement.month:%Y-%m}"

"""The sample exports, read."""

from __future__ import annotations

import io
from pathlib import Path

from finops.invoices.limits import LIMITS, Limits
from finops.invoices.line import InvoiceLine
from finops.invoices.read import Reading, read_invoice

FILES = Path(__file__).parent / "files"
MAPPING = (FILES / "mistral.mapping.json").read_text(encoding="utf-8")


def read_bytes(
    content: bytes,
    *,
    limits: Limits = LIMITS,
    format: str = "",
    mapping: str = "",
    account: str = "",
) -> Reading:
    return read_invoice(
        io.BytesIO(content), format=format, mapping=mapping, account=account, limits=limits
    )


def sample(name: str) -> bytes:
    return (FILES / name).read_bytes()


def read_sample(name: str, **options: str) -> Reading:
    return read_bytes(sample(name), **options)  # type: ignore[arg-type]


def short(line: InvoiceLine) -> tuple[str, str, str, str, str | None, str | None]:
    """model, tier, meter, category, tokens, amount: what a golden test compares."""
    return (
        line.model,
        line.service_tier,
        line.meter,
        line.category,
        None if line.tokens is None else f"{line.tokens.normalize():f}",
        None if line.billed is None else f"{line.billed.normalize():f}",
    )

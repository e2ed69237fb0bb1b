"""A line of an invoice: what a provider billed for one thing on one day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from types import MappingProxyType

USAGE, CREDIT, REFUND, TAX = "usage", "credit", "refund", "tax"
FEE, COMMITMENT, ADJUSTMENT, VOID = "fee", "commitment", "adjustment", "void"
CATEGORIES = (USAGE, CREDIT, REFUND, TAX, FEE, COMMITMENT, ADJUSTMENT)


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """What was billed, in the provider's own words.

    `day` is in UTC; `days` above 1: the charge covers so many from there. `quantity` is of `unit`
    as billed, `tokens` the same as tokens, None where it counts something else. `billed` is in
    `currency`; None on a usage export, which names no money. `line` counts from 1 in the file.
    """

    bill: str
    day: date
    provider: str
    line: int
    account: str = ""
    model: str = ""
    service_tier: str = ""
    meter: str = ""
    category: str = USAGE
    project: str = ""
    description: str = ""
    quantity: Decimal | None = None
    unit: str = ""
    tokens: Decimal | None = None
    billed: Decimal | None = None
    currency: str = "USD"
    days: int = 1
    raw: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def cost_usd(self) -> Decimal | None:
        """The amount where it is in USD; None where it is not, or where there is none."""
        return self.billed if self.currency == "USD" else None


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that can't be read, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Covered:
    """A day that the file speaks of and for which it has nothing."""

    bill: str
    account: str
    day: date


# What a reader yields: lines, days without any, and lines that it can't read.
Found = InvoiceLine | Covered | Problem

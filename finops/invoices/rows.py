"""What reconciliation compares: billed lines and captured hours, under one name for each model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from finops.invoices.line import USAGE

ZERO = Decimal(0)
# Day, provider, model, tier, category.
Key = tuple[date, str, str, str, str]


@dataclass(frozen=True, slots=True)
class Tokens:
    """Counts by side; each bucket once."""

    input: Decimal = ZERO
    cache_read: Decimal = ZERO
    cache_write: Decimal = ZERO
    output: Decimal = ZERO

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(
            self.input + other.input,
            self.cache_read + other.cache_read,
            self.cache_write + other.cache_write,
            self.output + other.output,
        )

    @property
    def total(self) -> Decimal:
        return self.input + self.cache_read + self.cache_write + self.output


@dataclass(frozen=True, slots=True)
class BilledLine:
    """A sum of lines of one book. `usd` None: in a currency without a rate, or not `priced`."""

    day: date
    provider: str
    model: str
    source: str
    usd: Decimal | None
    priced: bool = True
    service_tier: str = ""
    category: str = USAGE
    meter: str = ""
    tokens: Tokens | None = None
    currency: str = "USD"
    billed: Decimal = ZERO
    lines: int = 1


@dataclass(frozen=True, slots=True)
class CapturedHour:
    """The calls of one hour, under the name by which the bill knows them."""

    hour: datetime
    provider: str
    model: str
    usd: Decimal
    calls: int
    unpriced_calls: int = 0
    service_tier: str = ""
    tokens: Tokens = field(default_factory=Tokens)


@dataclass(frozen=True, slots=True)
class Terms:
    """When two amounts count as equal: within a share of the bill, or within a few cents."""

    share: Decimal = Decimal("0.01")
    usd: Decimal = Decimal("0.01")

    def allows(self, gap: Decimal, size: Decimal) -> bool:
        return abs(gap) <= max(self.usd, abs(size) * self.share)

    def same(self, one: Decimal, other: Decimal) -> bool:
        """Say whether two counts are equal within the share."""
        return abs(one - other) <= max(abs(one), abs(other)) * self.share


@dataclass(frozen=True, slots=True)
class Pair:
    """Both sides of one key, before a reason is found."""

    key: Key
    billed_usd: Decimal | None
    captured_usd: Decimal
    billed_lines: int
    calls: int
    unpriced_calls: int
    # None: no export says how many
    billed_tokens: Tokens | None
    captured_tokens: Tokens
    # USD by book and account
    sources: Mapping[str, Decimal] = field(default_factory=dict)
    # amounts that no rate turns into USD
    foreign: Mapping[str, Decimal] = field(default_factory=dict)
    folded: bool = False

    @property
    def day(self) -> date:
        return self.key[0]

    @property
    def category(self) -> str:
        return self.key[4]

    @property
    def gap_usd(self) -> Decimal | None:
        """billed - captured; None where a part of the bill is in a currency without a rate."""
        return None if self.billed_usd is None else self.billed_usd - self.captured_usd

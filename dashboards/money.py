"""Money in the currency that a workspace reads; the ledger's USD are behind every amount."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from dashboards.amounts import Figure, exact_usd, short_money, usd
from finops.accounts.models import Workspace
from finops.pricing.currency import USD, DayRate, rate_at
from finops.pricing.exchange import currency_of, day_rates

SIGNS = {
    USD: "$",
    "AUD": "A$",
    "BRL": "R$",
    "CAD": "C$",
    "CNY": "CN¥",
    "EUR": "€",
    "GBP": "£",
    "ILS": "₪",
    "INR": "₹",
    "JPY": "¥",
    "KRW": "₩",
    "MXN": "MX$",
    "NZD": "NZ$",
    "SGD": "S$",
}
WITHOUT_CENTS = frozenset({"CLP", "HUF", "IDR", "ISK", "JPY", "KRW", "VND"})


@dataclass(frozen=True, slots=True)
class Money:
    """Writes amounts of USD in a currency by one rate, so that the amounts of a page add up.

    Without a rate they are written in USD, and `note` says why.
    """

    do_not_call_in_templates: ClassVar[bool] = True

    currency: str = USD
    rate: DayRate | None = None

    def __call__(self, amount: Decimal | None) -> Figure:
        """Return an amount: short in the currency, exact in USD."""
        if amount is None or self.rate is None:
            return usd(amount)
        whole = self.currency in WITHOUT_CENTS
        return Figure(short_money(self.value(amount), self.sign, whole=whole), exact_usd(amount))

    def hover(self, amount: Decimal | None) -> str:
        """Return an amount as a chart tells it on hover: in USD as well, where it is in another."""
        short, in_usd = self(amount).short, usd(amount).short
        return short if short == in_usd else f"{short} ({in_usd})"

    def value(self, amount: Decimal) -> Decimal:
        """Return an amount of USD in the currency."""
        return amount if self.rate is None else amount * self.rate.per_usd

    @property
    def sign(self) -> str:
        if self.rate is None:
            return SIGNS[USD]
        return SIGNS.get(self.currency, f"{self.currency} ")

    @property
    def note(self) -> str:
        """What a reader must know about the currency; nothing for USD."""
        if self.currency == USD:
            return ""
        if self.rate is None:
            return f"Amounts are in USD: no exchange rate to {self.currency} holds at this time"
        return (
            f"1 USD = {self.rate.per_usd.normalize():f} {self.currency}, "
            f"the rate of {self.rate.day:%d %b %Y}; on hover in USD"
        )


def read_money(workspace: Workspace, at: datetime) -> Money:
    """Return how a workspace's pages write money: by the rate that holds at `at`."""
    currency = currency_of(workspace)
    if currency == USD:
        return Money()
    return Money(currency, rate_at(currency, at, day_rates(workspace, currency)))

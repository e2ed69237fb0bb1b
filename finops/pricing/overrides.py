"""A workspace's contract prices laid over the list prices: pure, from rates to rates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext

from finops.pricing.rate import BUCKETS, FOREVER, PLACES, Prices, Rate, per_token

ANY_TIER = "any"
# A bucket that has no price anywhere is charged as what it is a part of, as in the list.
PART_OF = {
    "cache_read": "input",
    "cache_write_5m": "input",
    "cache_write_1h": "input",
    "audio_in": "input",
    "image_in": "input",
    "reasoning": "output",
    "audio_out": "output",
    "image_out": "output",
}


@dataclass(frozen=True, slots=True)
class Contract:
    """An override ready to apply: prices in USD per million by bucket, or percent off the list."""

    number: int
    service_tier: str
    prices: dict[str, Decimal]
    discount_percent: Decimal | None
    valid_from: datetime
    valid_to: datetime | None

    @property
    def until(self) -> datetime:
        return self.valid_to or FOREVER


def apply_contracts(
    workspace_id: int, key: tuple[str, str], listed: Sequence[Rate], contracts: Iterable[Contract]
) -> list[Rate]:
    """Return the whole timeline of one model for one workspace.

    `listed` are the list prices behind the model, none for one that the catalogue doesn't know.
    Where a contract holds the rate is its own, elsewhere the list's.
    """
    provider, model = key
    rates = [
        replace(rate, workspace_id=workspace_id, provider=provider, model=model) for rate in listed
    ]
    for contract in contracts:
        tier = "" if contract.service_tier == ANY_TIER else contract.service_tier
        if all(rate.service_tier != tier for rate in rates):
            rates += start_tier(provider, model, tier, workspace_id, rates)
        rates = [part for rate in rates for part in lay_over(rate, contract)]
    return [rate for rate in rates if not rate.empty]


def start_tier(
    provider: str, model: str, tier: str, workspace_id: int, rates: Sequence[Rate]
) -> list[Rate]:
    """Return what a tier costs before its first contract: standard prices, or nothing at all."""
    standard = [replace(rate, service_tier=tier) for rate in rates if not rate.service_tier]
    unknown = Rate(provider, model, Prices(), service_tier=tier, workspace_id=workspace_id)
    return standard or [unknown]


def lay_over(rate: Rate, contract: Contract) -> Iterator[Rate]:
    """Cut one rate where the contract begins and ends, and price the part inside."""
    start = max(rate.valid_from, contract.valid_from)
    end = min(rate.valid_to, contract.until)
    if contract.service_tier not in (ANY_TIER, rate.service_tier) or start >= end:
        yield rate
        return
    if rate.valid_from < start:
        yield replace(rate, valid_to=start)
    yield replace(
        rate,
        valid_from=start,
        valid_to=end,
        prices=agreed(rate.prices, contract),
        source=f"override {contract.number}",
    )
    if end < rate.valid_to:
        yield replace(rate, valid_from=end)


def agreed(listed: Prices, contract: Contract) -> Prices:
    """Return the prices of a contract; what it doesn't name stays at list price."""
    if contract.discount_percent is not None:
        return discounted(listed, contract.discount_percent)
    prices = {bucket: getattr(listed, bucket) for bucket in BUCKETS}
    prices |= {
        bucket: per_token(usd if bucket != "call" else usd.scaleb(6))
        for bucket, usd in contract.prices.items()
    }
    for bucket, whole in PART_OF.items():
        if prices[bucket] is None:
            prices[bucket] = prices[whole]
    return Prices(**prices)


def discounted(listed: Prices, percent: Decimal) -> Prices:
    with localcontext() as context:
        context.prec = 60
        share = (100 - percent) / 100
        return Prices(
            **{
                bucket: None if usd is None else (usd * share).quantize(PLACES, ROUND_HALF_UP)
                for bucket in BUCKETS
                for usd in [getattr(listed, bucket)]
            }
        )

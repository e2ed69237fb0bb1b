"""A workspace's contract prices laid over the list prices: pure, from rates to rates.

Contracts come in the order in which they go first. What one has priced no later one changes, but
for a discount that is `on_top`: it comes off whatever holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext

from finops.pricing.rate import (
    BEGINNING,
    BUCKETS,
    FOREVER,
    PLACES,
    Prices,
    Rate,
    per_one,
    per_token,
)

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
    """An override ready to apply: prices in USD per million by bucket, or percent off the list.

    `uses` is USD for one use. A `wide` one is for more than one model: it opens no tier that a
    model isn't sold in.
    """

    number: int
    service_tier: str
    prices: Mapping[str, Decimal]
    discount_percent: Decimal | None
    valid_from: datetime
    valid_to: datetime | None
    region: str = ""
    uses: Mapping[str, Decimal] = field(default_factory=dict)
    kind: str = "override"
    wide: bool = False
    on_top: bool = False

    @property
    def until(self) -> datetime:
        return self.valid_to or FOREVER

    @property
    def source(self) -> str:
        return f"{self.kind} {self.number}"

    def covers(self, rate: Rate) -> bool:
        """Whether it is about the tier and the region of a rate."""
        return self.service_tier in (ANY_TIER, rate.service_tier) and self.region in (
            "",
            rate.region,
        )


@dataclass(frozen=True, slots=True)
class Part:
    """A rate on its way, and whether a contract has set its prices already."""

    rate: Rate
    agreed: bool = False

    @property
    def standard(self) -> bool:
        return not self.rate.service_tier


def apply_contracts(
    workspace_id: int,
    key: tuple[str, str],
    listed: Sequence[Rate],
    contracts: Iterable[Contract],
    *,
    start: datetime = BEGINNING,
    end: datetime = FOREVER,
) -> list[Rate]:
    """Return the timeline of one model for one workspace in [start, end).

    `listed` are the list prices behind the model, none for one that the catalogue doesn't know.
    Where a contract holds the rate is its own, elsewhere the list's.
    """
    provider, model = key
    parts = [
        Part(replace(rate, workspace_id=workspace_id, provider=provider, model=model))
        for whole in listed
        for rate in within(whole, start, end)
    ]
    unknown = Rate(
        provider, model, Prices(), workspace_id=workspace_id, valid_from=start, valid_to=end
    )
    for contract in contracts:
        parts += opened_by(contract, parts, unknown)
        parts = [part for each in parts for part in lay_over(each, contract)]
    return [part.rate for part in parts if not part.rate.empty]


def within(rate: Rate, start: datetime, end: datetime) -> Iterator[Rate]:
    """Yield the part of a rate's time that lies in [start, end); nothing where it has none."""
    first, last = max(rate.valid_from, start), min(rate.valid_to, end)
    if first < last:
        yield replace(rate, valid_from=first, valid_to=last)


def opened_by(contract: Contract, parts: Sequence[Part], unknown: Rate) -> list[Part]:
    """Return what a tier or a region costs before its first contract.

    A tier costs as standard processing does, a region what all regions do, or nothing at all.
    """
    opened: list[Part] = []
    region = contract.region
    if region and all(part.rate.region != region for part in parts):
        opened += [moved(part, region=region) for part in parts if not part.rate.region]
    if contract.wide:
        return opened
    tier = "" if contract.service_tier == ANY_TIER else contract.service_tier
    for place in [region] if region else sorted({"", *(part.rate.region for part in parts)}):
        here = [part for part in (*parts, *opened) if part.rate.region == place]
        if all(part.rate.service_tier != tier for part in here):
            standard = [moved(part, service_tier=tier) for part in here if part.standard]
            opened += standard or [Part(replace(unknown, service_tier=tier, region=place))]
    return opened


def moved(part: Part, **key: str) -> Part:
    """Return the same prices for another tier or region."""
    return replace(part, rate=replace(part.rate, **key))  # type: ignore[arg-type]


def lay_over(part: Part, contract: Contract) -> Iterator[Part]:
    """Cut one rate where the contract begins and ends, and price the part inside."""
    rate = part.rate
    start = max(rate.valid_from, contract.valid_from)
    end = min(rate.valid_to, contract.until)
    if start >= end or not contract.covers(rate) or (part.agreed and not contract.on_top):
        yield part
        return
    if rate.valid_from < start:
        yield replace(part, rate=replace(rate, valid_to=start))
    yield Part(
        replace(
            rate,
            valid_from=start,
            valid_to=end,
            prices=agreed(rate.prices, contract),
            uses=agreed_uses(rate.uses, contract),
            source=f"{rate.source}, {contract.source}" if part.agreed else contract.source,
        ),
        agreed=True,
    )
    if end < rate.valid_to:
        yield replace(part, rate=replace(rate, valid_from=end))


def agreed(listed: Prices, contract: Contract) -> Prices:
    """Return the prices of a contract; what it doesn't name stays at list price."""
    if contract.discount_percent is not None:
        percent = contract.discount_percent
        return Prices(**{b: discounted(getattr(listed, b), percent) for b in BUCKETS})
    prices = {bucket: getattr(listed, bucket) for bucket in BUCKETS}
    prices |= {
        bucket: per_token(usd) if bucket != "call" else per_one(usd, 1)
        for bucket, usd in contract.prices.items()
    }
    for bucket, whole in PART_OF.items():
        if prices[bucket] is None:
            prices[bucket] = prices[whole]
    return Prices(**prices)


def agreed_uses(listed: Mapping[str, Decimal], contract: Contract) -> dict[str, Decimal]:
    """Return USD for one use by a contract; what it doesn't name stays at list price."""
    if contract.discount_percent is None:
        return {**listed, **{use: per_one(usd, 1) for use, usd in contract.uses.items()}}
    found = {use: discounted(usd, contract.discount_percent) for use, usd in listed.items()}
    return {use: usd for use, usd in found.items() if usd is not None}


def discounted(usd: Decimal | None, percent: Decimal) -> Decimal | None:
    if usd is None:
        return None
    with localcontext() as context:
        context.prec = 60
        return (usd * (100 - percent) / 100).quantize(PLACES, ROUND_HALF_UP)

"""A rate: what a token of each bucket costs, and when, where and for whom that holds."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
FOREVER = datetime(2100, 1, 1, tzinfo=UTC)
DAY_S = 86_400
ANY_SIZE = 2**64 - 1
PLACES = Decimal("1e-18")

# What a response may call its tier -> the tier of the rate. A tier that isn't here, or for which
# the provider publishes no price of its own, is charged as standard processing ('').
TIERS = ("batch", "flex", "priority", "fast")


@dataclass(frozen=True, slots=True)
class Prices:
    """USD per token for each bucket, and per call; None where the provider names no price."""

    input: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write_5m: Decimal | None = None
    cache_write_1h: Decimal | None = None
    output: Decimal | None = None
    reasoning: Decimal | None = None
    audio_in: Decimal | None = None
    audio_out: Decimal | None = None
    image_in: Decimal | None = None
    call: Decimal | None = None

    @property
    def empty(self) -> bool:
        return all(getattr(self, bucket) is None for bucket in BUCKETS)


BUCKETS = tuple(field.name for field in fields(Prices))


@dataclass(frozen=True, slots=True)
class Rate:
    """One row of the table `rates`.

    It holds for calls whose total input is above `context_above` (0: any) and at most
    `context_upto` tokens, that start in [valid_from, valid_to), in the seconds
    [daily_from_s, daily_to_s) of the UTC day. `workspace_id` 0 is the list price.
    """

    provider: str
    model: str
    prices: Prices
    service_tier: str = ""
    region: str = ""
    context_above: int = 0
    context_upto: int = ANY_SIZE
    valid_from: datetime = BEGINNING
    valid_to: datetime = FOREVER
    daily_from_s: int = 0
    daily_to_s: int = DAY_S
    workspace_id: int = 0
    source: str = ""


def per_token(usd_per_million: Decimal) -> Decimal:
    """Turn USD per million into USD per token, kept to the 18 places that the table holds."""
    with localcontext() as context:
        context.prec = 60
        return usd_per_million.scaleb(-6).quantize(PLACES, ROUND_HALF_UP)

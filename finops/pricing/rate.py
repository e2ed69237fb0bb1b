"""A rate: what a token of each bucket costs, and when, where and for whom that holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
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
    image_out: Decimal | None = None
    call: Decimal | None = None

    @property
    def empty(self) -> bool:
        return all(getattr(self, bucket) is None for bucket in BUCKETS)


BUCKETS = tuple(each.name for each in fields(Prices))

# What is billed by use beside tokens, as a call counts it (`calls.uses`).
USES = (
    "web_search",
    "social_search",
    "file_search",
    "rerank_search",
    "code_execution",
    "page",
    "annotated_page",
    "character",
    "text_message",
    "audio_ms",
)
# So many uses are what price lists quote: an hour of audio, a thousand searches.
QUOTED = {
    "audio_ms": 3_600_000,
    "character": 1_000_000,
    **{use: 1000 for use in USES if use not in ("audio_ms", "character")},
}

# What a contract may name -> the use, and how many of it that is. Nobody sells a millisecond.
SOLD = {
    **{use: (use, 1) for use in USES if use != "audio_ms"},
    "audio_hour": ("audio_ms", QUOTED["audio_ms"]),
}


@dataclass(frozen=True, slots=True)
class Rate:
    """One row of the table `rates`.

    It holds for calls whose total input is above `context_above` (0: any) and at most
    `context_upto` tokens, that start in [valid_from, valid_to), in the seconds
    [daily_from_s, daily_to_s) of the UTC day. `workspace_id` 0 is the list price. `uses` is USD for
    one use, by the names of USES; a use without a price is not there.
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
    uses: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        return self.prices.empty and not self.uses


def per_token(usd_per_million: Decimal) -> Decimal:
    """Turn USD per million into USD per token, kept to the 18 places that the table holds."""
    return per_one(usd_per_million, 1_000_000)


def per_one(usd: Decimal, units: int) -> Decimal:
    """Turn USD for so many units into USD for one, kept to the 18 places that the table holds."""
    with localcontext() as context:
        context.prec = 60
        return (usd / units).quantize(PLACES, ROUND_HALF_UP)

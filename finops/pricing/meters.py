"""What a rate is made of, meter by meter, in the units that price lists quote."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, localcontext

from finops.pricing.rate import BUCKETS, QUOTED, USES, Rate

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Meter:
    """One thing that is counted and billed; `quoted` of it is what a price is for."""

    name: str
    label: str
    unit: str
    quoted: int


def bucket_meter(name: str) -> Meter:
    if name == "call":
        return Meter(name, "per call", "call", 1)
    return Meter(name, LABELS.get(name, name.replace("_", " ")), "1M tokens", MILLION)


def use_meter(name: str) -> Meter:
    quoted = QUOTED[name]
    if name == "audio_ms":
        return Meter(name, "audio", "hour", quoted)
    unit = {1000: "1,000", MILLION: "1M"}.get(quoted, f"{quoted:,}")
    return Meter(name, name.replace("_", " "), unit, quoted)


LABELS = {
    "cache_write_5m": "cache write 5 min",
    "cache_write_1h": "cache write 1 h",
    "audio_in": "audio in",
    "audio_out": "audio out",
    "image_in": "image in",
    "image_out": "image out",
}
METERS: dict[str, Meter] = {
    **{name: bucket_meter(name) for name in BUCKETS},
    **{name: use_meter(name) for name in USES},
}


def quoted_price(rate: Rate, meter: str) -> Decimal | None:
    """Return USD for as many as price lists quote; None where the rate has no such price."""
    of_one = getattr(rate.prices, meter) if meter in BUCKETS else rate.uses.get(meter)
    return None if of_one is None else quote(of_one, meter)


def quote(usd_for_one: Decimal, meter: str) -> Decimal:
    """Turn USD for one token, call or use into USD for the quoted number of them."""
    with localcontext() as context:
        context.prec = 60
        # A third of a thousand comes back as 0.999…: what nobody quotes is rounded away.
        usd = (usd_for_one * METERS[meter].quoted).quantize(Decimal("1e-9"))
        return usd.normalize() if usd else Decimal(0)


def quoted_prices(rate: Rate) -> Iterator[tuple[str, Decimal]]:
    """Yield what a rate has prices for, in the order of METERS."""
    for meter in METERS:
        price = quoted_price(rate, meter)
        if price is not None:
            yield meter, price

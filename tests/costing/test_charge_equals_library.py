"""Charges against genai-prices' own calculator: every model, tiers, dates, sizes, uses.

They are equal to the last digit, but for what `Because` explains.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from genai_prices import Usage, calc_price
from genai_prices.data import providers

from finops.clickhouse.client import Warehouse
from finops.pricing.catalogue import CONTEXTS, USE_PRICES
from tests.costing.calls import insert_calls, span
from tests.costing.charging import charge

pytestmark = pytest.mark.django_db

USAGES_OF_A_MODEL = 2
USAGES = 5_000
SIZES = [0, 1, 37, 31_999, 100_000, 128_000, 199_999, 200_001, 272_001, 1_000_000]
WHEN = [
    datetime(2024, 5, 1, 3, 0, tzinfo=UTC),
    datetime(2025, 6, 9, 23, 59, 59, tzinfo=UTC),
    datetime(2025, 9, 5, 17, 0, tzinfo=UTC),
    datetime(2026, 10, 14, 0, 0, tzinfo=UTC),
    datetime(2026, 11, 20, 10, 0, tzinfo=UTC),
]


class Because(StrEnum):
    """Why a charge is not what the library says."""

    # A few resold models have prices like 0.0416666666666667 per million tokens. The ledger holds
    # 18 places of a rate and 12 of each part of a charge.
    LONG_PRICE = "a price is longer than what the ledger keeps of it"
    # An hour of audio is kept as USD per millisecond to 18 places.
    AUDIO_HOUR = "an hour of audio doesn't divide evenly into milliseconds"
    # What the list has no price for costs nothing in the library. Here that is unknown and not 0.
    NO_PRICE = "what was used has no price"
    NOT_SOLD = "the model was not sold then, or the library doesn't know it"


# How far a cost may be off where it isn't equal, in USD.
OFF = {Because.LONG_PRICE: Decimal("1e-11"), Because.AUDIO_HOUR: Decimal("1e-11")}


def usages(seed: int) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    models = [(p.id, m) for p in providers for m in p.models]
    some = [*models * USAGES_OF_A_MODEL, *draw.sample(models, len(models) // 4)]
    return [usage(draw, f"{n}", provider, model) for n, (provider, model) in enumerate(some)]


def usage(draw: random.Random, name: str, provider: str, model: Any) -> dict[str, Any]:
    small = [draw.choice([0, 0, 1, 999, 12_345]) for _ in range(8)]
    return {
        "span": name,
        "provider": provider,
        "model_served": model.id,
        "service_tier": draw.choice(list(CONTEXTS)),
        "started_at": draw.choice(WHEN),
        "input_tokens": draw.choice(SIZES),
        "cache_read_tokens": small[0],
        "cache_write_5m_tokens": small[1],
        "cache_write_1h_tokens": small[2],
        "audio_in_tokens": small[3],
        "image_in_tokens": small[4],
        "output_tokens": draw.choice([0, 1, 4_321]),
        "reasoning_tokens": small[5],
        "audio_out_tokens": small[6],
        "image_out_tokens": small[7],
        "uses": {use: draw.choice([1, 3, 7_200]) for use in sold_by(model) if draw.random() < 0.7},
    }


def sold_by(model: Any) -> list[str]:
    """What a model bills by use, at any time."""
    prices = [item.prices for item in model.prices] if isinstance(model.prices, list) else []
    keys = {k for p in prices or [model.prices] for k, v in vars(p).items() if v is not None}
    return [use for use, (names, _) in USE_PRICES.items() if keys & set(names)]


def as_the_library_counts(call: dict[str, Any]) -> Usage:
    """Inclusive totals, and zero for the overlaps that the ledger doesn't know."""
    written = call["cache_write_5m_tokens"] + call["cache_write_1h_tokens"]
    parts = call["cache_read_tokens"] + call["audio_in_tokens"] + call["image_in_tokens"] + written
    made = call["reasoning_tokens"] + call["audio_out_tokens"] + call["image_out_tokens"]
    return Usage(
        input_tokens=call["input_tokens"] + parts,
        cache_read_tokens=call["cache_read_tokens"],
        cache_write_tokens=written,
        cache_write_5m_tokens=call["cache_write_5m_tokens"],
        cache_write_1h_tokens=call["cache_write_1h_tokens"],
        input_audio_tokens=call["audio_in_tokens"],
        input_image_tokens=call["image_in_tokens"],
        output_tokens=call["output_tokens"] + made,
        output_reasoning_tokens=call["reasoning_tokens"],
        output_audio_tokens=call["audio_out_tokens"],
        output_image_tokens=call["image_out_tokens"],
        **{
            f"cache_{kind}_{what}_tokens": 0
            for kind in ("audio", "image", "text", "video")
            for what in ("read", "write", "write_5m", "write_1h")
        },
        output_audio_reasoning_tokens=0,
        **uses_as_the_library_counts(call["uses"]),
    )


def uses_as_the_library_counts(uses: dict[str, int]) -> dict[str, Any]:
    """Its pages hold the annotated ones; its audio is seconds of the input, or of the session."""
    annotated = uses.get("annotated_page", 0)
    counted: dict[str, Any] = {
        "web_searches": uses.get("web_search"),
        "social_searches": uses.get("social_search"),
        "storage_searches": uses.get("file_search"),
        "rerank_searches": uses.get("rerank_search"),
        "code_executions": uses.get("code_execution"),
        "input_characters": uses.get("character"),
        "input_text_messages": uses.get("text_message"),
        "input_document_pages": uses.get("page", 0) + annotated or None,
        "input_annotated_document_pages": annotated or None,
    }
    if "audio_ms" in uses:
        seconds = Decimal(uses["audio_ms"]) / 1000
        counted |= {"audio_seconds": seconds, "input_audio_seconds": seconds}
    return {name: times for name, times in counted.items() if times is not None}


def library_price(call: dict[str, Any]) -> Any:
    try:
        return calc_price(
            as_the_library_counts(call),
            call["model_served"],
            provider_id=call["provider"],
            genai_request_timestamp=call["started_at"],
            price_context=CONTEXTS[call["service_tier"]],
        )
    except LookupError:
        return None


def has_long_price(price: Any) -> bool:
    """Say whether a price has more places than the ledger keeps of it."""
    values = [value for value in vars(price.model_price).values() if value is not None]
    flat = [getattr(value, "base", value) for value in values]
    flat += [tier.price for value in values for tier in getattr(value, "tiers", ())]
    return any(-int(usd.as_tuple().exponent) > 6 for usd in flat)


def lacks_price(call: dict[str, Any], price: Any) -> bool:
    """Say whether something was used that the list has no price for at that time."""
    listed = {key for key, value in vars(price.model_price).items() if value is not None}
    outputs = ("output", "reasoning", "audio_out", "image_out")
    used = {
        "output_mtok": any(call[f"{bucket}_tokens"] for bucket in outputs),
        "input_mtok": as_the_library_counts(call).input_tokens > 0,
    }
    by_use = [names for use in call["uses"] for names in [USE_PRICES[use][0]]]
    return (
        any(was and key not in listed for key, was in used.items())
        or any(not listed & set(names) for names in by_use)
        or not listed
    )


def why(call: dict[str, Any], cost: Decimal | None, price: Any) -> Because | None:
    """Explain a difference; None where there is none, or no explanation."""
    if cost is None and price is None:
        return Because.NOT_SOLD
    if cost is None:
        return Because.NO_PRICE if lacks_price(call, price) else None
    if "audio_ms" in call["uses"]:
        return Because.AUDIO_HOUR
    return Because.LONG_PRICE if has_long_price(price) else None


def test_charges_equal_the_library_but_for_what_is_explained(ch: Warehouse) -> None:
    for table in ("calls", "charges"):
        ch.command(f"ALTER TABLE {table} REMOVE TTL")  # old prices are checked as well
    calls = usages(seed=20_261_121)
    insert_calls(ch, calls)

    charge(ch)

    found = {
        row["span"]: (row["cost_usd"], row["unpriced_reason"])
        for row in ch.query(
            "SELECT toString(span_id) AS span, cost_usd, unpriced_reason FROM charges FINAL"
        )
    }
    reasons: Counter[Because | None] = Counter()
    for call in calls:
        (cost, said), price = found[span(call["span"])], library_price(call)
        if cost is not None and price is not None and cost == price.total_price:
            reasons[None] += 1
            continue
        reason = why(call, cost, price)
        assert reason is not None, (call, cost, price)
        if cost is None:
            assert said == "no_rate"
        else:
            assert abs(cost - price.total_price) < OFF[reason], (call, cost, price)
        reasons[reason] += 1
    assert reasons.total() == len(calls) > USAGES
    assert {call["provider"] for call in calls} == {provider.id for provider in providers}
    assert reasons[None] > 0.85 * USAGES
    assert reasons[Because.LONG_PRICE] < 50
    assert reasons[Because.AUDIO_HOUR] < 50

"""Charges against genai-prices' own calculator: every provider, tiers, dates, sizes.

They are equal to the last digit, but for two things that are meant:

- the ledger holds 12 places of a dollar for each bucket and 18 for a rate. A few resold models have
  longer prices (0.0416666666666667 per million): there the difference stays below 1e-11;
- tokens of a kind that a model has no price for cost nothing in the library, and are unpriced here.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from genai_prices import Usage, calc_price
from genai_prices.data import providers

from finops.clickhouse.client import Warehouse
from finops.pricing.catalogue import CONTEXTS
from tests.costing.calls import insert_calls, span
from tests.costing.charging import charge, charges

pytestmark = pytest.mark.django_db

MODELS_OF_A_PROVIDER = 14
SIZES = [0, 1, 37, 31_999, 100_000, 128_000, 199_999, 200_001, 272_001, 1_000_000]
WHEN = [
    datetime(2024, 5, 1, 3, 0, tzinfo=UTC),
    datetime(2025, 6, 9, 23, 59, 59, tzinfo=UTC),
    datetime(2025, 9, 5, 17, 0, tzinfo=UTC),
    datetime(2026, 10, 14, 0, 0, tzinfo=UTC),
    datetime(2026, 11, 20, 10, 0, tzinfo=UTC),
]


def usages(seed: int) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    calls: list[dict[str, Any]] = []
    for provider in providers:
        for model in draw.sample(provider.models, min(MODELS_OF_A_PROVIDER, len(provider.models))):
            small = [draw.choice([0, 0, 1, 999, 12_345]) for _ in range(7)]
            calls.append(
                {
                    "span": f"{len(calls)}",
                    "provider": provider.id,
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
                }
            )
    return calls


def as_the_library_counts(call: dict[str, Any]) -> Usage:
    """Inclusive totals, and zero for the overlaps that the ledger doesn't know."""
    written = call["cache_write_5m_tokens"] + call["cache_write_1h_tokens"]
    parts = call["cache_read_tokens"] + call["audio_in_tokens"] + call["image_in_tokens"] + written
    return Usage(
        input_tokens=call["input_tokens"] + parts,
        cache_read_tokens=call["cache_read_tokens"],
        cache_write_tokens=written,
        cache_write_5m_tokens=call["cache_write_5m_tokens"],
        cache_write_1h_tokens=call["cache_write_1h_tokens"],
        input_audio_tokens=call["audio_in_tokens"],
        input_image_tokens=call["image_in_tokens"],
        output_tokens=call["output_tokens"] + call["reasoning_tokens"] + call["audio_out_tokens"],
        output_reasoning_tokens=call["reasoning_tokens"],
        output_audio_tokens=call["audio_out_tokens"],
        **{
            f"cache_{kind}_{what}_tokens": 0
            for kind in ("audio", "image", "text", "video")
            for what in ("read", "write", "write_5m", "write_1h")
        },
        output_audio_reasoning_tokens=0,
    )


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
    model_price = price.model_price
    used_output = any(call[f"{b}_tokens"] for b in ("output", "reasoning", "audio_out"))
    used_input = as_the_library_counts(call).input_tokens > 0
    no_tokens_at_all = model_price.input_mtok is None and model_price.output_mtok is None
    return (
        (used_output and model_price.output_mtok is None)
        or (used_input and model_price.input_mtok is None)
        or (no_tokens_at_all and model_price.requests_kcount is None)
    )


def test_charges_equal_the_library_but_for_what_is_explained(ch: Warehouse) -> None:
    for table in ("calls", "charges"):
        ch.command(f"ALTER TABLE {table} REMOVE TTL")  # old prices are checked as well
    calls = usages(seed=20_261_121)
    insert_calls(ch, calls)

    charge(ch)

    found = charges(ch)
    equal = rounded = unpriced = 0
    for call in calls:
        row, price = found[span(call["span"])], library_price(call)
        cost: Decimal | None = row["cost_usd"]
        if cost is None:
            assert price is None or lacks_price(call, price), call
            assert row["unpriced_reason"] == "no_rate"
            unpriced += 1
        elif cost == price.total_price:
            equal += 1
        else:
            assert has_long_price(price), (call, cost, price)
            assert abs(cost - price.total_price) < Decimal("1e-11")
            rounded += 1
    assert equal + rounded + unpriced == len(calls) > 450
    assert equal > 400
    assert rounded < 10

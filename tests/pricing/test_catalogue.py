from __future__ import annotations

import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from genai_prices.data_units import unit_data

from finops.pricing.catalogue import USE_PRICES, compile_catalogue, provenance
from finops.pricing.in_force import list_prices
from finops.pricing.rate import ANY_SIZE, BEGINNING, DAY_S, FOREVER, QUOTED, USES, Rate


def rates_of(provider: str, model: str, tier: str = "") -> list[Rate]:
    return [
        rate
        for rate in list_prices()
        if (rate.provider, rate.model, rate.service_tier) == (provider, model, tier)
    ]


def million(usd: str) -> Decimal:
    return Decimal(usd) / 1_000_000


def test_a_context_tier_is_a_range_of_total_input() -> None:
    low, high = rates_of("google", "gemini-2.5-pro")

    assert (low.context_above, low.context_upto) == (0, 200_000)
    assert (high.context_above, high.context_upto) == (200_000, ANY_SIZE)
    assert (low.prices.input, high.prices.input) == (million("1.25"), million("2.50"))
    assert (low.prices.cache_read, high.prices.cache_read) == (million("0.125"), million("0.25"))


def test_a_bucket_without_a_price_costs_what_it_is_part_of() -> None:
    (rate,) = rates_of("anthropic", "claude-sonnet-4-6", "")[:1]

    assert rate.prices.reasoning == rate.prices.output == million("15")
    assert rate.prices.cache_write_5m == million("3.75")
    assert rate.prices.cache_write_1h == million("6")
    assert rate.prices.audio_in == rate.prices.input == million("3")
    assert rate.prices.call is None


def test_an_embedding_model_has_no_price_for_output() -> None:
    (rate,) = rates_of("openai", "text-embedding-3-small")

    assert rate.prices.input == million("0.02")
    assert (rate.prices.output, rate.prices.reasoning) == (None, None)


def test_reasoning_apart_and_a_fee_for_each_request() -> None:
    (research,) = rates_of("perplexity", "sonar-deep-research")
    (sonar,) = rates_of("perplexity", "sonar")

    assert (research.prices.output, research.prices.reasoning) == (million("8"), million("3"))
    assert sonar.prices.call == Decimal("0.012")


def test_what_is_billed_by_use_has_a_price_for_one() -> None:
    def uses(provider: str, model: str, tier: str = "") -> dict[str, Decimal]:
        return dict(rates_of(provider, model, tier)[-1].uses)

    assert uses("openai", "gpt-4o") == {
        "web_search": Decimal("0.01"),
        "file_search": Decimal("0.0025"),
    }
    assert uses("anthropic", "claude-sonnet-4-6")["web_search"] == Decimal("0.01")
    # 4 and 5 USD per thousand pages; in batches half of it
    assert uses("mistral", "mistral-ocr-4-1") == {
        "page": Decimal("0.004"),
        "annotated_page": Decimal("0.005"),
    }
    assert uses("mistral", "mistral-ocr-4-1", "batch")["page"] == Decimal("0.002")
    # 15 USD per million characters
    assert uses("openai", "tts-1") == {"character": Decimal("0.000015")}
    # 0.36 USD per hour: 3,600,000 milliseconds
    assert uses("openai", "whisper-1") == {"audio_ms": Decimal("0.0000001")}
    # 3 USD per hour of a session, in and out together, kept to 18 places
    assert uses("openai", "gpt-live-1") == {"audio_ms": Decimal("0.000000833333333333")}
    assert uses("x-ai", "grok-voice-think-fast-1.0")["text_message"] == Decimal("0.004")


def test_every_use_has_a_price_somewhere_in_the_units_that_the_library_sells() -> None:
    sold = {unit["price_key"]: unit["per"] for unit in unit_data.values()}
    assert set(USE_PRICES) == set(USES) == set(QUOTED)
    for use, (keys, units) in USE_PRICES.items():
        for key in keys:
            assert sold[key] * (1000 if use == "audio_ms" else 1) == units


def test_images_that_are_made_cost_more_than_text_where_the_list_says_so() -> None:
    (banana,) = rates_of("google", "gemini-2.5-flash-image")
    (gpt,) = rates_of("openai", "gpt-image-1.5")
    assert (banana.prices.output, banana.prices.image_out) == (million("2.5"), million("30"))
    assert (gpt.prices.output, gpt.prices.image_out) == (million("10"), million("32"))


def test_a_price_by_time_of_day_is_a_rate_for_each_window() -> None:
    windows = {
        (rate.daily_from_s, rate.daily_to_s): rate.prices.input
        for rate in rates_of("deepseek", "deepseek-chat")
    }

    assert windows == {
        (0, 1_800): million("0.135"),
        (1_800, 59_400): million("0.27"),
        (59_400, DAY_S): million("0.135"),
    }


def test_every_moment_and_size_has_exactly_one_rate() -> None:
    tiers = defaultdict(list)
    for rate in list_prices():
        tiers[rate.provider, rate.model, rate.service_tier].append(rate)
    assert len(tiers) > 2_000
    for rates in tiers.values():
        edges = sorted({rate.valid_from for rate in rates} | {FOREVER})
        assert edges[0] == BEGINNING
        for start, end in pairwise(edges):
            spans = [r for r in rates if r.valid_from == start]
            assert {r.valid_to for r in spans} == {end}
            covered = sum(
                (r.daily_to_s - r.daily_from_s) * (r.context_upto - r.context_above) for r in spans
            )
            assert covered == DAY_S * ANY_SIZE


def test_a_tier_is_there_only_where_the_provider_prices_it() -> None:
    assert rates_of("openai", "gpt-4o", "batch")[-1].prices.input == million("1.25")
    assert rates_of("openai", "gpt-4o", "priority")
    assert not rates_of("groq", "llama-3.3-70b-versatile", "batch")


def test_a_tier_with_a_start_date_costs_the_standard_price_before_it() -> None:
    before, after = rates_of("openai", "gpt-4.1", "fast")

    assert before.valid_to == after.valid_from == datetime(2026, 10, 12, tzinfo=UTC)
    assert (before.prices.input, after.prices.input) == (million("2"), million("3.5"))


def test_resold_models_are_listed_with_their_standard_price() -> None:
    assert rates_of("azure", "openai/gpt-4o")
    assert not rates_of("azure", "openai/gpt-4o", "batch")


def test_no_time_is_left_without_a_zone() -> None:
    assert all(rate.valid_from.utcoffset() == timedelta() for rate in list_prices())


def test_the_source_says_which_data_it_is() -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", provenance().sha256)
    assert provenance().version == "0.2.3"
    assert tuple(compile_catalogue()) == list_prices()

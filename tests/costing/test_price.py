"""Costs worked out by hand from the published list prices, to the last digit."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from finops.clickhouse.client import Warehouse
from tests.costing.calls import insert_calls, span
from tests.costing.charging import charge, charges

pytestmark = pytest.mark.django_db

GEMINI = {"provider": "gcp.gemini", "model_served": "gemini-2.5-pro"}
CLAUDE = {"provider": "anthropic", "model_served": "claude-sonnet-4-5-20250929"}
SONAR = {"provider": "perplexity", "model_served": "sonar"}
DEEPSEEK = {"provider": "deepseek", "model_served": "deepseek-chat"}
NONE: dict[str, Any] = {"input_tokens": None, "output_tokens": None}


def at(hour: int, minute: int, second: int = 0) -> datetime:
    return datetime(2026, 11, 20, hour, minute, second, tzinfo=UTC)


# name, call, cost, why it isn't priced
CASES: list[tuple[str, dict[str, Any], str | None, str]] = [
    # 2,000 x 2.50 + 8,000 x 1.25 + 500 x 10 per million
    (
        "cached input has its own rate",
        {"input_tokens": 2_000, "cache_read_tokens": 8_000, "output_tokens": 500},
        "0.020",
        "",
    ),
    # batch: 2,000 x 1.25 + 8,000 x 1.25 + 500 x 5; the batch list names no price for cached input
    (
        "the tier of the response decides",
        {
            "service_tier": "batch",
            "input_tokens": 2_000,
            "cache_read_tokens": 8_000,
            "output_tokens": 500,
        },
        "0.015",
        "",
    ),
    # 200,000 x 1.25 + 1,000 x 10
    (
        "at the threshold the first tier holds",
        {**GEMINI, "input_tokens": 200_000, "output_tokens": 1_000},
        "0.260",
        "",
    ),
    # one token more, of which 100,001 from the cache: 100,000 x 2.50 + 100,001 x 0.25 + 1,000 x 15
    (
        "above it all tokens cost the dearer rate, and cached ones count",
        {
            **GEMINI,
            "input_tokens": 100_000,
            "cache_read_tokens": 100_001,
            "output_tokens": 1_000,
        },
        "0.29000025",
        "",
    ),
    # 100 x 3 + 1,000 x 0.30 + 2,000 x 3.75 + 3,000 x 6 + 10 x 15 + 40 x 15 (thinking as output)
    (
        "cache writes of five minutes and of an hour",
        {
            **CLAUDE,
            "input_tokens": 100,
            "cache_read_tokens": 1_000,
            "cache_write_5m_tokens": 2_000,
            "cache_write_1h_tokens": 3_000,
            "output_tokens": 10,
            "reasoning_tokens": 40,
        },
        "0.02685",
        "",
    ),
    # 1,000 x 1 + 100 x 1 per million, and 12 USD per 1,000 requests
    ("a fee for each request", {**SONAR}, "0.0131", ""),
    # off-peak begins at 16:30 UTC: 1,000 x 0.27 + 100 x 1.10, then 0.135 and 0.55
    ("the second before off-peak", {**DEEPSEEK, "started_at": at(16, 29, 59)}, "0.00038", ""),
    ("the first second of off-peak", {**DEEPSEEK, "started_at": at(16, 30)}, "0.00019", ""),
    ("no tokens cost nothing", {"input_tokens": 0, "output_tokens": 0}, "0", ""),
    ("a refused request costs nothing", {**NONE, "outcome": "rate_limited"}, "0", ""),
    ("a failed request without usage costs nothing", {**NONE, "outcome": "error"}, "0", ""),
    ("a failed request with usage costs", {"outcome": "error"}, "0.0035", ""),
    ("a timeout without usage isn't free", {**NONE, "outcome": "timeout"}, None, "no_usage"),
    ("an answer without usage isn't free", {**NONE}, None, "no_usage"),
    ("an answer of unknown length isn't free", {"output_tokens": None}, None, "no_usage"),
    ("a question of unknown length isn't free", {"input_tokens": None}, None, "no_usage"),
    (
        # 1,000 x 2.50
        "a cancelled stream of unknown length costs its question",
        {"output_tokens": None, "outcome": "cancelled"},
        "0.0025",
        "",
    ),
    ("a model that nobody sells", {"model_served": "house-7b"}, None, "no_rate"),
    ("a provider that isn't known", {"provider": "vllm"}, None, "no_rate"),
    ("no provider, a model of one provider", {"provider": ""}, "0.0035", ""),
    ("no model at all", {"model_served": ""}, None, "no_model"),
    (
        "the model served before the one asked for",
        {"model_requested": "gpt-4", "model_served": "gpt-4o"},
        "0.0035",
        "",
    ),
    (
        "output tokens of a model that sells none",
        {"model_served": "text-embedding-3-small", "output_tokens": 5},
        None,
        "no_rate",
    ),
    ("a hit in the client's own cache", {"cache_hit": 1, "cache_layer": "exact"}, "0", ""),
    (
        "a retrieval from a cache, before a call that was made",
        {"cache_hit": 1, "cache_layer": "retrieval"},
        "0.0035",
        "",
    ),
]


def test_costs_are_what_they_are_on_paper(ch: Warehouse) -> None:
    insert_calls(ch, [{"span": name, **call} for name, call, _, _ in CASES])

    charge(ch)

    rows = charges(ch)
    found = {
        name: (rows[span(name)]["cost_usd"], rows[span(name)]["unpriced_reason"])
        for name, *_ in CASES
    }
    assert found == {
        name: (None if cost is None else Decimal(cost), reason) for name, _, cost, reason in CASES
    }


def test_buckets_add_up_and_savings_are_told(ch: Warehouse) -> None:
    insert_calls(
        ch,
        [
            {
                **CLAUDE,
                "span": "cached",
                "input_tokens": 100,
                "cache_read_tokens": 1_000,
                "cache_write_5m_tokens": 2_000,
                "cache_write_1h_tokens": 3_000,
                "output_tokens": 10,
            },
            {"span": "hit", "cache_hit": 1, "cache_layer": "semantic"},
        ],
    )

    charge(ch)

    rows = charges(ch)
    cached, hit = rows[span("cached")], rows[span("hit")]
    buckets = [value for name, value in cached.items() if name in COST_COLUMNS and value]
    assert sum(buckets) == cached["cost_usd"] == Decimal("0.02625")
    # 1,000 x (3 - 0.30) - 2,000 x (3.75 - 3) - 3,000 x (6 - 3), per million: writing cost more
    assert cached["provider_cache_saving_usd"] == Decimal("-0.0078")
    assert cached["response_cache_saving_usd"] is None
    assert hit["response_cache_saving_usd"] == Decimal("0.0035")


COST_COLUMNS = {
    "input_usd",
    "cache_read_usd",
    "cache_write_5m_usd",
    "cache_write_1h_usd",
    "output_usd",
    "reasoning_usd",
    "audio_in_usd",
    "audio_out_usd",
    "image_in_usd",
    "call_usd",
}

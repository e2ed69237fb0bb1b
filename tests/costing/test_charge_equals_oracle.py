from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from finops.clickhouse.client import Warehouse
from tests.costing import oracle
from tests.costing.calls import START, insert_calls
from tests.costing.charging import charge

pytestmark = pytest.mark.django_db

_workspaces = count(1000)

MODELS = [
    ("openai", "gpt-4o-2024-08-06"),
    ("OpenAI", "gpt-4o-2024-08-06"),
    ("anthropic", "claude-sonnet-4-5"),
    ("gcp.gemini", "gemini-2.5-pro"),
    ("azure.ai.openai", "gpt-4o"),
    ("deepseek", "deepseek-chat"),
    ("perplexity", "sonar"),
    ("openai", "text-embedding-3-small"),
    ("openrouter", "google/gemini-3.6-flash"),
    ("openai", ""),
    ("", "claude-haiku-4-5"),
    ("vllm", "house-7b"),
]
EMITTERS = ["one@1", "one@2", "two@1", "@x/three@1", "@x/three", "com.anthropic.sdk.python@2"]
FEW = st.sampled_from([None, None, 0, 1, 7, 999, 123_457])
MANY = st.sampled_from([None, 0, 100, 100, 5_000, 199_999, 200_000, 200_001, 4_294_967_295])


@st.composite
def call(draw: st.DrawFn, number: int) -> dict[str, Any]:
    """Any call whose ids come from small pools, so that calls meet."""
    provider, model = draw(st.sampled_from(MODELS))
    parent = draw(st.sampled_from([None, None, *range(number), "elsewhere"]))
    return {
        "trace": draw(st.sampled_from(["one", "one", "two"])),
        "span": f"{number}",
        "parent": None if parent is None else f"{parent}",
        "tenant": draw(st.sampled_from(["acme", "acme", ""])),
        "user_id": draw(st.sampled_from(["", "ann"])),
        "action_id": draw(st.sampled_from(["", "", "a1"])),
        "request_id": draw(st.sampled_from(["", "", "", "r1", "r2", "r3"])),
        "attempt": draw(st.integers(0, 2)),
        "response_id": draw(st.sampled_from(["", "", "", "resp-1", "resp-2", "chatcmpl-7"])),
        "operation": draw(st.sampled_from(["chat", "chat", "embeddings", "tool", "agent"])),
        "service": draw(st.sampled_from(["shop", "shop", "desk"])),
        "emitter": draw(st.sampled_from(EMITTERS)),
        "provider": provider,
        "model_requested": draw(st.sampled_from(["", model])),
        "model_served": model,
        "service_tier": draw(st.sampled_from(["", "default", "batch", "Flex", "priority", "fast"])),
        # Times of a span of its own each, so that no two rows are equally near to a third.
        "started_at": START
        + timedelta(
            seconds=draw(st.sampled_from([5, 6, draw(st.integers(0, 3_500))])),
            microseconds=number**2 * 37,
        ),
        "duration_ms": draw(st.sampled_from([0.0, 990.0, 1_000.0, 250_000.0])),
        "input_tokens": draw(MANY),
        "cache_read_tokens": draw(FEW),
        "cache_write_5m_tokens": draw(FEW),
        "cache_write_1h_tokens": draw(FEW),
        "output_tokens": draw(st.sampled_from([None, 0, 10, 10, 4_321])),
        "reasoning_tokens": draw(FEW),
        "audio_in_tokens": draw(FEW),
        "audio_out_tokens": draw(FEW),
        "image_in_tokens": draw(FEW),
        "image_out_tokens": draw(FEW),
        "uses": draw(st.sampled_from([{}, {}, {}, {"web_search": 3}, {"page": 2, "nonsense": 1}])),
        "outcome": draw(
            st.sampled_from(["ok", "ok", "error", "timeout", "rate_limited", "cancelled"])
        ),
        "success": draw(st.sampled_from([None, None, 0, 1])),
        "cache_layer": draw(st.sampled_from(["none", "exact", "retrieval", "embedding"])),
        "cache_hit": draw(st.sampled_from([0, 0, 0, 1])),
        "prompt_hash": draw(st.sampled_from([0, 11, 12])),
    }


@st.composite
def traffic(draw: st.DrawFn) -> list[list[dict[str, Any]]]:
    """Calls in the order and the portions in which they arrive."""
    calls = [draw(call(number)) for number in range(draw(st.integers(1, 32)))]
    arriving = draw(st.permutations(calls))
    cut = draw(st.integers(0, len(calls)))
    return [arriving[:cut], arriving[cut:]]


@settings(
    max_examples=12,
    deadline=None,
    # Each example is a round through the server: shrinking one would take minutes.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(portions=traffic())
def test_charges_equal_the_oracle_to_the_last_digit_however_calls_arrive(
    ch: Warehouse, portions: list[list[dict[str, Any]]]
) -> None:
    workspace = next(_workspaces)
    rows = []
    for portion in portions:
        rows += insert_calls(ch, [{**one, "workspace_id": workspace} for one in portion])
        charge(ch)

    expected = oracle.charge_all(rows)

    names = ", ".join(next(iter(expected.values())))
    found = {
        (row.pop("trace"), row.pop("span")): row
        for row in ch.query(
            f"SELECT toString(trace_id) AS trace, toString(span_id) AS span, {names}"
            " FROM charges FINAL WHERE workspace_id = {workspace:UInt64}",
            {"workspace": workspace},
        )
    }
    assert found.keys() == expected.keys()
    different = {
        key: [
            (name, row[name], expected[key][name])
            for name in row
            if row[name] != expected[key][name]
        ]
        for key, row in found.items()
        if row != expected[key]
    }
    assert different == {}

"""Which calls an engine is calibrated with: those of one model that reached its server."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from finops.clickhouse.client import Warehouse
from finops.queries import Range
from finops.queries.calibration_calls import captured_calls, models_called, servers
from tests.costing.calls import START, WORKSPACE, insert_calls

SPAN = Range(START, START + timedelta(hours=1))


def taken(ch: Warehouse, **options: Any) -> list[float]:
    """Seconds from the start of the range to the start of each call."""
    options = {"limit": 100, **options}
    return [
        (call.started_at.replace(tzinfo=START.tzinfo) - START).total_seconds()
        for call in captured_calls(ch, WORKSPACE, SPAN, "llama", **options)
    ]


def call(seconds: float, **changes: Any) -> dict[str, Any]:
    own = {"started_at": START + timedelta(seconds=seconds), "model_served": "llama"}
    return own | changes


def test_calls_of_the_range_come_in_order_with_those_that_still_ran_in_it(
    module_ch: Warehouse,
) -> None:
    insert_calls(
        module_ch,
        [
            call(5),
            call(1),
            call(-3, duration_ms=3_500.0),
            call(-3, duration_ms=2_500.0),
            call(3600),
            call(2, workspace_id=WORKSPACE + 1),
            call(2, model_served="mistral"),
            call(6, model_served="", model_requested="llama"),
            call(7, cache_hit=1, cache_layer="exact"),
        ],
    )
    assert taken(module_ch) == [-3, 1, 5, 6]
    assert taken(module_ch, limit=2) == [-3, 1]
    assert models_called(module_ch, WORKSPACE, SPAN) == ["llama", "mistral"]


def test_one_provider_may_be_chosen(ch: Warehouse) -> None:
    insert_calls(ch, [call(1, provider="vllm"), call(2, provider="groq")])
    assert taken(ch) == [1, 2]
    assert taken(ch, provider="groq") == [2]


def test_a_call_that_repeats_another_never_reached_the_server(ch: Warehouse) -> None:
    once, again = insert_calls(ch, [call(1), call(2)])
    rows = (once, again)
    ch.insert(
        "charges",
        {
            **{name: [row[name] for row in rows] for name in ("trace_id", "span_id", "started_at")},
            "workspace_id": [WORKSPACE] * 2,
            "counted": [1, 0],
        },
    )
    assert taken(ch) == [1]


def test_buckets_become_what_a_server_sees(ch: Warehouse) -> None:
    tokens = {"input_tokens": 100, "cache_read_tokens": 48, "cache_write_5m_tokens": 2}
    answer = {"output_tokens": 30, "reasoning_tokens": 12}
    insert_calls(
        ch,
        [
            call(1, **tokens, **answer, prompt_chain=[7, 8]),
            call(2, input_tokens=None, prompt_chain=[]),
        ],
    )
    first, second = captured_calls(ch, WORKSPACE, SPAN, "llama", limit=10)
    assert (first.prompt_tokens, first.cached_tokens, first.output_tokens) == (150, 48, 42)
    assert first.chain == (7, 8)
    assert (second.prompt_tokens, second.cached_tokens, second.chain) == (None, None, ())


def test_servers_are_counted_by_where_they_run(ch: Warehouse) -> None:
    assert servers(ch, WORKSPACE, SPAN, "llama") == 0
    places = [("a", WORKSPACE), ("b", WORKSPACE), ("b", WORKSPACE), ("c", WORKSPACE + 1)]
    ch.insert(
        "serving_samples",
        {
            "workspace_id": [workspace for _, workspace in places],
            "instance": [instance for instance, _ in places],
            "model": ["llama"] * 4,
            "measure": ["running"] * 4,
            "temporality": [0] * 4,
            "ts": [START + timedelta(seconds=at) for at in range(4)],
            "value": [1.0] * 4,
            "received_at": [START] * 4,
        },
    )
    assert servers(ch, WORKSPACE, SPAN, "llama") == 2

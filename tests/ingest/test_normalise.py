"""What a call's columns mean, whoever sent it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from finops.clickhouse.client import Warehouse
from tests.ingest.loading import NOW, RECEIVED_AT_MS, calls, count, take
from tests.ingest.payloads import SECOND_NS, START_NS, Span, Values, request

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}


def rows(ch: Warehouse, folder: Path, *given: Span | Values) -> list[dict[str, Any]]:
    """The calls that these spans become, in their order."""
    spans = [
        Span(
            **{
                **vars(span if isinstance(span, Span) else Span(CHAT | dict(span))),
                "span_id": number.to_bytes(8, "big"),
            }
        )
        for number, span in enumerate(given, 1)
    ]
    take(ch, folder, request(*spans))
    return calls(ch)


def row(ch: Warehouse, folder: Path, given: Span | Values) -> dict[str, Any]:
    (only,) = rows(ch, folder, given)
    return only


def test_counts_come_in_any_type_and_what_is_no_count_is_unknown(
    ch: Warehouse, tmp_path: Path
) -> None:
    sent: list[tuple[Any, int | None]] = [
        (12, 12),
        ("12", 12),
        (12.0, 12),
        ("12.0", 12),
        (0, 0),
        ("", None),
        (-1, None),
        ("-1", None),
        (float("nan"), None),
        (float("inf"), None),
        (1.5, None),
        (2**32, None),
        (True, None),
        ("many", None),
        (["12"], None),
    ]
    found = rows(ch, tmp_path, *({"gen_ai.usage.output_tokens": value} for value, _ in sent))
    assert [row["output_tokens"] for row in found] == [expected for _, expected in sent]


def test_an_absent_count_is_unknown_and_not_zero(ch: Warehouse, tmp_path: Path) -> None:
    found = row(ch, tmp_path, {"gen_ai.usage.input_tokens": 10})
    assert found["input_tokens"] == 10
    assert [name for name in found if name.endswith("_tokens") and found[name] == 0] == []
    assert (found["output_tokens"], found["cache_read_tokens"]) == (None, None)


def test_a_source_that_holds_no_count_gives_way_to_the_next(ch: Warehouse, tmp_path: Path) -> None:
    usage = {"gen_ai.usage.input_tokens": "n/a", "gen_ai.usage.prompt_tokens": 5}
    assert row(ch, tmp_path, usage)["input_tokens"] == 5


def test_parts_larger_than_their_total_mean_that_the_total_is_exclusive(
    ch: Warehouse, tmp_path: Path
) -> None:
    usage = {
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.cache_read.input_tokens": 900,
        "gen_ai.usage.cache_creation.input_tokens": 90,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.reasoning.output_tokens": 50,
    }
    found = row(ch, tmp_path, usage)
    assert (found["input_tokens"], found["cache_read_tokens"]) == (10, 900)
    assert (found["cache_write_5m_tokens"], found["cache_write_1h_tokens"]) == (90, None)
    assert (found["output_tokens"], found["reasoning_tokens"]) == (5, 50)
    assert found["usage_flag"] == "exclusive_inferred"


def test_parts_that_fill_their_total_leave_nothing(ch: Warehouse, tmp_path: Path) -> None:
    usage = {"gen_ai.usage.input_tokens": 900, "gen_ai.usage.cache_read.input_tokens": 900}
    found = row(ch, tmp_path, usage)
    assert (found["input_tokens"], found["cache_read_tokens"]) == (0, 900)
    assert found["usage_flag"] == ""


def test_audio_read_from_the_cache_counts_once(ch: Warehouse, tmp_path: Path) -> None:
    usage = {
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.cache_read.input_tokens": 60,
        "gen_ai.usage.audio.input_tokens": 80,
        "gen_ai.usage.audio.cache_read.input_tokens": 50,
    }
    found = row(ch, tmp_path, usage)
    assert (found["input_tokens"], found["cache_read_tokens"]) == (10, 60)
    assert (found["audio_in_tokens"], found["usage_flag"]) == (30, "")


def test_cache_writes_split_by_how_long_they_live(ch: Warehouse, tmp_path: Path) -> None:
    hour = "finops.usage.cache_write_1h.input_tokens"
    both = {"gen_ai.usage.cache_write.input_tokens": 100, hour: 40}
    found = rows(ch, tmp_path, both, {hour: 40})
    split = [(row["cache_write_5m_tokens"], row["cache_write_1h_tokens"]) for row in found]
    assert split == [(60, 40), (0, 40)]


def test_seconds_become_milliseconds_and_ours_come_first(ch: Warehouse, tmp_path: Path) -> None:
    first_chunk = "gen_ai.response.time_to_first_chunk"
    found = rows(
        ch,
        tmp_path,
        {first_chunk: 0.25},
        {first_chunk: 0.25, "finops.ttft_ms": 300},
        {first_chunk: -1.0},
        {first_chunk: float("nan")},
        {first_chunk: "0.5"},
    )
    assert [row["ttft_ms"] for row in found] == [250.0, 300.0, None, None, 500.0]


OUTCOMES: list[tuple[Values, int, str, str]] = [
    ({}, 0, "", "ok"),
    ({}, 1, "", "ok"),
    ({}, 2, "", "error"),
    ({"error.type": "ValueError"}, 2, "", "error"),
    ({"error.type": "openai.APITimeoutError"}, 2, "", "timeout"),
    ({"error.type": "504"}, 2, "", "timeout"),
    ({"error.type": "DEADLINE_EXCEEDED"}, 0, "", "timeout"),
    ({"error.type": "429"}, 2, "", "rate_limited"),
    ({"error.type": "RateLimitError"}, 2, "", "rate_limited"),
    ({}, 2, "Too many requests", "rate_limited"),
    ({"http.response.status_code": 429}, 0, "", "rate_limited"),
    ({"error.type": "RESOURCE_EXHAUSTED"}, 2, "", "rate_limited"),
    ({"error.type": "asyncio.CancelledError"}, 2, "", "cancelled"),
    ({"error.type": "499"}, 2, "", "cancelled"),
    ({"error.type": "torch.OutOfMemoryError"}, 2, "", "oom"),
    ({"error.type": "4290"}, 2, "", "error"),
    ({"error.type": "RoomNotFound"}, 2, "", "error"),
    ({"gen_ai.response.finish_reasons": ["error"]}, 0, "", "error"),
    ({"finops.outcome": "timeout", "error.type": "429"}, 2, "", "timeout"),
    ({"finops.outcome": "OK"}, 2, "", "ok"),
    ({"finops.outcome": "splendid"}, 2, "", "error"),
]


def test_outcomes(ch: Warehouse, tmp_path: Path) -> None:
    spans = [
        Span(CHAT | dict(attributes), status=status, status_message=message)
        for attributes, status, message, _ in OUTCOMES
    ]
    found = rows(ch, tmp_path, *spans)
    assert [row["outcome"] for row in found] == [outcome for *_, outcome in OUTCOMES]
    assert {row["success"] for row in found} == {None}


def test_a_recorded_exception_names_the_error(ch: Warehouse, tmp_path: Path) -> None:
    event = ("exception", {"exception.type": "httpx.ReadTimeout"})
    found = row(ch, tmp_path, Span(CHAT, status=2, events=[event]))
    assert (found["error_type"], found["outcome"]) == ("httpx.ReadTimeout", "timeout")


def test_steps_around_calls_are_calls_only_if_they_carry_usage(
    ch: Warehouse, tmp_path: Path
) -> None:
    steps = ["execute_tool", "invoke_agent", "create_agent", "invoke_workflow", "plan"]
    model = {"gen_ai.request.model": "gpt-4o"}
    usage = {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 0}
    none = {"gen_ai.usage.input_tokens": 0, "gen_ai.usage.output_tokens": 0}
    spans = [
        Span(model | more | {"gen_ai.operation.name": step})
        for step in steps
        for more in ({}, none, usage)
    ]
    assert [row["operation"] for row in rows(ch, tmp_path, *spans)] == steps
    assert count(ch, "spans") == 15


def test_what_is_no_inference_is_no_call_whatever_it_carries(ch: Warehouse, tmp_path: Path) -> None:
    usage = {"gen_ai.usage.input_tokens": 10, "gen_ai.request.model": "gpt-4o"}
    steps = ["fetch_response", "search_memory", "create_memory"]
    spans = [Span(usage | {"gen_ai.operation.name": step}) for step in steps]
    kinds = [Span({"openinference.span.kind": kind}) for kind in ("TOOL", "AGENT", "CHAIN", "odd")]
    assert rows(ch, tmp_path, *spans, *kinds) == []
    assert count(ch, "spans") == 7


def test_inference_of_every_kind_is_a_call(ch: Warehouse, tmp_path: Path) -> None:
    usage = {"gen_ai.usage.input_tokens": 10}
    given: list[tuple[Values, str]] = [
        ({"gen_ai.operation.name": "Chat"}, "chat"),
        ({"gen_ai.operation.name": "text_completion"}, "text_completion"),
        ({"gen_ai.operation.name": "generate_content"}, "generate_content"),
        ({"gen_ai.operation.name": "embeddings"}, "embeddings"),
        (usage, "chat"),
        (usage | {"gen_ai.operation.name": "rerank"}, "rerank"),
        (usage | {"gen_ai.operation.name": "image_generation"}, "image_generation"),
        ({"openinference.span.kind": "EMBEDDING", "llm.token_count.prompt": 3}, "embeddings"),
        ({"openinference.span.kind": "RERANKER", "llm.model_name": "r"}, "rerank"),
        ({"openinference.span.kind": "GUARDRAIL", "llm.model_name": "g"}, "guardrail"),
    ]
    found = rows(ch, tmp_path, *(Span(attributes) for attributes, _ in given))
    assert [row["operation"] for row in found] == [operation for _, operation in given]


def test_a_search_without_a_model_is_no_call(ch: Warehouse, tmp_path: Path) -> None:
    spans = [
        Span({"openinference.span.kind": "RETRIEVER"}),
        Span({"gen_ai.operation.name": "retrieval"}),
    ]
    assert rows(ch, tmp_path, *spans) == []


def test_spans_that_only_carry_our_tenant_are_no_calls(ch: Warehouse, tmp_path: Path) -> None:
    span = Span({"finops.tenant.id": "acme", "http.route": "/tickets"})
    assert rows(ch, tmp_path, span) == []


def test_other_spans_are_not_stored(ch: Warehouse, tmp_path: Path) -> None:
    assert rows(ch, tmp_path, Span({"db.system": "postgresql"}), Span({})) == []
    assert count(ch, "spans") == 0


def test_times_out_of_range_become_the_time_of_receipt(ch: Warehouse, tmp_path: Path) -> None:
    received_ns = RECEIVED_AT_MS * 10**6
    day_ns = 86_400 * SECOND_NS
    starts = [0, 1_500_000_000 * SECOND_NS, received_ns + day_ns + SECOND_NS, 2**64 - 1]
    found = rows(ch, tmp_path, *(Span(CHAT, start_ns=ns, end_ns=ns) for ns in starts))
    assert {row["started_at"] for row in found} == {NOW}
    assert {row["usage_flag"] for row in found} == {"time_out_of_range"}
    assert {row["duration_ms"] for row in found} == {0.0}


def test_times_in_range_stay_to_the_microsecond(ch: Warehouse, tmp_path: Path) -> None:
    first = START_NS - 700 * 86_400 * SECOND_NS
    span = Span(CHAT, start_ns=first + 123_456_789, end_ns=first + SECOND_NS)
    found = row(ch, tmp_path, span)
    started = datetime.fromtimestamp(first // SECOND_NS, UTC) + timedelta(microseconds=123_456)
    assert (found["started_at"], found["duration_ms"]) == (started, 876.544)
    assert found["usage_flag"] == ""


def test_an_end_before_the_start_is_no_negative_duration(ch: Warehouse, tmp_path: Path) -> None:
    span = Span(CHAT, start_ns=START_NS, end_ns=START_NS - SECOND_NS)
    assert row(ch, tmp_path, span)["duration_ms"] == 0.0


def test_a_duration_that_no_call_can_take_is_none(ch: Warehouse, tmp_path: Path) -> None:
    spans = [
        Span(CHAT, start_ns=0, end_ns=START_NS),
        Span(CHAT, start_ns=START_NS, end_ns=2**64 - 1),
        Span(CHAT, start_ns=0, end_ns=2 * SECOND_NS),
    ]
    found = rows(ch, tmp_path, *spans)
    assert [row["duration_ms"] for row in found] == [0.0, 0.0, 2000.0]


def test_a_wait_that_no_call_can_take_is_unknown(ch: Warehouse, tmp_path: Path) -> None:
    first_chunk = "gen_ai.response.time_to_first_chunk"
    day_s = 24 * 3600
    waits = [1.7e308, 31 * day_s, 30 * day_s]
    found = rows(ch, tmp_path, *({first_chunk: wait_s} for wait_s in waits))
    assert [row["ttft_ms"] for row in found] == [None, None, 30 * day_s * 1000]


def test_success_is_what_was_said_and_else_unknown(ch: Warehouse, tmp_path: Path) -> None:
    said: list[tuple[Any, int | None]] = [(True, 1), (False, 0), ("true", 1), ("0", 0), ("?", None)]
    found = rows(ch, tmp_path, *({"finops.success": value} for value, _ in said))
    assert [row["success"] for row in found] == [expected for _, expected in said]


def test_the_tenant_of_the_call_comes_before_the_tenant_of_the_process(
    ch: Warehouse, tmp_path: Path
) -> None:
    attributes = CHAT | {"tenant.id": "general", "finops.tenant.id": "acme"}
    body = request(Span(attributes), resource={"finops.tenant.id": "process"})
    take(ch, tmp_path, body)
    assert calls(ch)[0]["tenant"] == "acme"


def test_ids_that_are_no_hash_are_none(ch: Warehouse, tmp_path: Path) -> None:
    found = row(ch, tmp_path, {"finops.prompt.hash": "abc", "finops.answer.hash": 12})
    assert (found["prompt_hash"], found["answer_hash"]) == (0, 0)


def test_parents_are_linked_and_a_broken_parent_is_none(ch: Warehouse, tmp_path: Path) -> None:
    spans = [Span(CHAT, parent_span_id=b"p" * 8), Span(CHAT, parent_span_id=b"odd"), Span(CHAT)]
    take(
        ch,
        tmp_path,
        request(*(Span(**vars(s) | {"span_id": bytes([n] * 8)}) for n, s in enumerate(spans, 1))),
    )
    found = calls(ch, ["hex(parent_span_id) AS parent"])
    assert [row["parent"] for row in found] == ["70" * 8, "00" * 8, "00" * 8]


def test_texts_with_quotes_and_odd_letters_stay_as_they_are(ch: Warehouse, tmp_path: Path) -> None:
    text = 'it\'s "ü" \\ \n\t {x:String} 🙂'
    assert row(ch, tmp_path, {"finops.tenant.id": text})["tenant"] == text


def test_members_of_json_attributes_of_any_type(ch: Warehouse, tmp_path: Path) -> None:
    sent = [
        ('{"tenant": "\\u00fcber \\"x\\""}', 'über "x"'),
        ('{"tenant": 7}', "7"),
        ('{"tenant": null, "tenant_id": "t"}', "t"),
        ("no json", ""),
        ("", ""),
    ]
    kind = {"openinference.span.kind": "LLM", "llm.model_name": "m"}
    found = rows(ch, tmp_path, *(Span(kind | {"metadata": text}) for text, _ in sent))
    assert [row["tenant"] for row in found] == [expected for _, expected in sent]

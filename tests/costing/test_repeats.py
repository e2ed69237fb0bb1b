"""What adds nothing because another row says the same, however the two are connected."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from finops.clickhouse.client import Warehouse
from tests.costing.calls import START, insert_calls, span
from tests.costing.charging import charge, charges

pytestmark = pytest.mark.django_db

CLIENT = "com.anthropic.sdk.python@2.1"
WRAPPER = "opentelemetry.instrumentation.anthropic@0.62"

FAILED: dict[str, Any] = {
    "input_tokens": None,
    "output_tokens": None,
    "outcome": "error",
    "response_id": "",
}


def at(ms: float) -> Any:
    return START + timedelta(milliseconds=ms)


def reasons(ch: Warehouse, *arrivals: list[dict[str, Any]]) -> dict[str, str]:
    """Charge calls as they arrive and say of each why it doesn't count; '' where it does."""
    for calls in arrivals:
        insert_calls(ch, calls)
        charge(ch)
    rows = charges(ch)
    return {
        call["span"]: rows[span(call["span"])]["uncounted_reason"]
        for calls in arrivals
        for call in calls
    }


def wrapper(name: str = "wrapper", start_ms: float = 0, **other: Any) -> dict[str, Any]:
    times = {"started_at": at(start_ms), "duration_ms": 1000.0}
    return {"span": name, "trace": "w", "emitter": WRAPPER, **times, **other}


def client(name: str = "client", start_ms: float = 3, **other: Any) -> dict[str, Any]:
    times = {"started_at": at(start_ms), "duration_ms": 990.0}
    return {"span": name, "trace": "c", "emitter": CLIENT, "response_id": name, **times, **other}


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("trace", ["w", "c"])
def test_a_call_that_a_wrapper_and_the_client_itself_saw_counts_once(
    ch: Warehouse, trace: str, together: bool
) -> None:
    seen = [wrapper(), client(trace=trace)]
    arrivals = [seen] if together else [seen[1:], seen[:1]]
    assert reasons(ch, *arrivals) == {"wrapper": "twin", "client": ""}


def test_calls_side_by_side_find_their_own_twins(ch: Warehouse) -> None:
    seen = [
        *[wrapper(f"wrapper {n}", n * 10, trace=f"w{n}") for n in range(4)],
        *[client(f"client {n}", n * 10 + 3, trace=f"c{n}") for n in range(4)],
    ]
    found = reasons(ch, seen)
    assert {name for name, reason in found.items() if not reason} == {
        f"client {n}" for n in range(4)
    }


def test_of_twins_the_one_that_knows_more_buckets_is_kept(ch: Warehouse) -> None:
    detailed = wrapper(input_tokens=600, cache_read_tokens=400)
    assert reasons(ch, [detailed, client()]) == {"wrapper": "", "client": "twin"}


@pytest.mark.parametrize(
    "other",
    [
        {"output_tokens": 101},
        {"service": "desk"},
        {"model_served": "gpt-4o-mini"},
        {"started_at": at(1500)},
        {"emitter": WRAPPER},
    ],
    ids=["other usage", "other service", "other model", "later", "same instrumentation"],
)
def test_calls_that_only_resemble_each_other_both_count(
    ch: Warehouse, other: dict[str, Any]
) -> None:
    assert reasons(ch, [wrapper(), client(**other)]) == {"wrapper": "", "client": ""}


def test_two_responses_are_two_calls_however_alike(ch: Warehouse) -> None:
    seen = [wrapper(response_id="msg_1"), client(response_id="msg_2")]
    assert reasons(ch, seen) == {"wrapper": "", "client": ""}


def test_a_gateways_span_in_the_clients_trace_repeats_the_clients(ch: Warehouse) -> None:
    asked = wrapper(service="shop", model_requested="openai/gpt-4o", model_served="")
    passed_on = client(trace="w", service="gateway")
    assert reasons(ch, [asked, passed_on]) == {"wrapper": "twin", "client": ""}


def test_a_row_without_usage_adds_no_call_to_the_one_that_has_it(ch: Warehouse) -> None:
    silent: dict[str, Any] = {"input_tokens": None, "output_tokens": None}
    assert reasons(ch, [wrapper(), client(trace="w", **silent)]) == {
        "wrapper": "",
        "client": "twin",
    }


def test_a_failure_that_two_instrumentations_saw_is_one_failure(ch: Warehouse) -> None:
    seen = [wrapper(**FAILED), client(trace="w", **FAILED)]
    assert reasons(ch, seen) == {"wrapper": "twin", "client": ""}


def test_a_failed_attempt_within_a_wrapper_that_succeeded_stays_an_attempt(ch: Warehouse) -> None:
    seen = [
        wrapper(),
        client("first", 3, trace="w", duration_ms=100.0, **FAILED),
        client("second", 200, trace="w", duration_ms=790.0),
    ]
    assert reasons(ch, seen) == {"wrapper": "twin", "first": "", "second": ""}


@pytest.mark.parametrize("late", [False, True])
def test_an_agents_step_repeats_what_lies_within_it_however_deep(ch: Warehouse, late: bool) -> None:
    agent = {
        "span": "agent",
        "trace": "a",
        "operation": "invoke_agent",
        "input_tokens": 2000,
        "duration_ms": 60_000.0,
    }
    calls = [{"span": name, "trace": "a", "parent": "chain"} for name in ("one", "two")]
    arrivals = [calls, [{**agent, "started_at": START}]] if late else [[agent, *calls]]
    assert reasons(ch, *arrivals) == {"agent": "parent_of_usage", "one": "", "two": ""}


def test_an_agents_step_that_alone_knows_the_usage_counts(ch: Warehouse) -> None:
    inner: dict[str, Any] = {"operation": "invoke_agent", "trace": "a"}
    assert reasons(
        ch,
        [
            {"span": "outer", "duration_ms": 60_000.0, **inner},
            {"span": "inner", "duration_ms": 5_000.0, **inner},
            {"span": "elsewhere"},
        ],
    ) == {"outer": "parent_of_usage", "inner": "", "elsewhere": ""}


def test_the_row_that_counts_takes_over_for_whom_the_dropped_one_was(ch: Warehouse) -> None:
    ours: dict[str, Any] = {"tenant": "acme", "user_id": "ann", "action_name": "answer ticket"}
    theirs: dict[str, Any] = {"tenant": "", "user_id": "bob", "feature": "search"}
    assert reasons(ch, [wrapper(**ours), client(trace="w", **theirs)])["client"] == ""
    row = charges(ch)[span("client")]
    names = ("tenant", "user_id", "team", "feature", "action_name")
    assert [row[name] for name in names] == ["acme", "bob", "", "search", "answer ticket"]


def test_attempts_stay_attempts_of_the_request_that_only_their_wrappers_name(ch: Warehouse) -> None:
    def attempt(number: int, outcome: str) -> list[dict[str, Any]]:
        start_ms = number * 5000
        seen: dict[str, Any] = {"outcome": outcome, "trace": f"t{number}"}
        return [
            wrapper(f"wrapper {number}", start_ms, request_id="r", attempt=number, **seen),
            client(f"client {number}", start_ms + 3, **seen),
        ]

    reasons(ch, attempt(1, "ok"), attempt(0, "timeout"))
    rows = charges(ch)
    assert [rows[span(f"client {n}")]["waste_class"] for n in (0, 1)] == ["retry", "clean"]
    assert rows[span("client 0")]["request_id"] == "r"


@pytest.mark.parametrize(
    ("child", "reason"),
    [
        ({}, "parent_of_usage"),
        ({"outcome": "timeout"}, "parent_of_usage"),
        ({"outcome": "cancelled"}, ""),
        ({"model_requested": "gpt-4o-mini"}, ""),
    ],
    ids=["the same end", "another failure", "cancelled", "another model"],
)
def test_a_parent_that_knows_no_more_than_a_child_with_the_same_end_only_wraps_it(
    ch: Warehouse, child: dict[str, Any], reason: str
) -> None:
    silent: dict[str, Any] = {**FAILED, "trace": "t", "model_requested": "gpt-4o"}
    seen = [{"span": "root", **silent}, {"span": "step", "parent": "root", **silent, **child}]
    assert reasons(ch, seen) == {"root": reason, "step": ""}


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(
    ("of_wrapper", "of_client", "kept"),
    [
        ({}, {"input_tokens": None, "output_tokens": None, "response_id": ""}, "wrapper"),
        ({"input_tokens": None, "output_tokens": None}, {}, "client"),
        ({"input_tokens": 0}, {}, "client"),
        (
            {**FAILED, "outcome": "rate_limited"},
            {"input_tokens": None, "output_tokens": None, "response_id": ""},
            "wrapper",
        ),
    ],
    ids=["client knows nothing", "wrapper knows nothing", "wrapper knows half", "a failure"],
)
def test_a_client_that_traces_itself_in_a_trace_of_its_own_is_the_call_of_its_wrapper(
    ch: Warehouse, of_wrapper: dict[str, Any], of_client: dict[str, Any], kept: str,
    together: bool,
) -> None:  # fmt: skip
    seen = [wrapper(**of_wrapper), client(**of_client)]
    found = reasons(ch, *([seen] if together else [seen[:1], seen[1:]]))
    assert {name for name, reason in found.items() if not reason} == {kept}


def test_a_third_instrumentation_is_a_twin_through_the_span_of_the_response_that_was_dropped(
    ch: Warehouse,
) -> None:
    framework = wrapper("framework", 0, emitter="pydantic-ai@2", response_id="client")
    companion = wrapper("companion", 999, emitter="logfire@4", duration_ms=0.0)
    split = {"input_tokens": 600, "cache_read_tokens": 400}
    inner: dict[str, Any] = {"trace": "w", "duration_ms": 500.0, **split}
    found = reasons(ch, [framework, client(**inner), companion])
    assert [name for name, reason in found.items() if not reason] == ["client"]


RAW: dict[str, Any] = {"trace": "l", "emitter": "litellm", "dialect": "litellm"}


@pytest.mark.parametrize("first", ["request", "raw"])
def test_litellms_raw_span_repeats_the_one_around_it_under_another_id_of_the_response(
    ch: Warehouse, first: str
) -> None:
    request = {**RAW, "span": "request", "request_id": "r-1", "response_id": "chatcmpl-1a"}
    raw = {**RAW, "span": "raw", "parent": "request", "request_id": "", "response_id": "msg_1"}
    arrivals = [[request], [raw]] if first == "request" else [[raw], [request]]
    assert reasons(ch, *arrivals) == {"request": "", "raw": "response_repeated"}


def test_litellms_raw_span_counts_beside_the_failed_attempt_that_is_around_it(
    ch: Warehouse,
) -> None:
    attempt = {**RAW, "span": "attempt", "request_id": "r-1", **FAILED, "response_id": "made-up"}
    raw = {**RAW, "span": "raw", "parent": "attempt", "request_id": "", "response_id": "c-1"}
    assert reasons(ch, [attempt, raw]) == {"attempt": "", "raw": ""}


def test_litellms_raw_span_counts_where_nothing_is_around_it(ch: Warehouse) -> None:
    assert reasons(ch, [{**RAW, "span": "raw", "request_id": ""}]) == {"raw": ""}

"""What a call was in its request, rule by rule."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from finops.clickhouse.client import Warehouse
from tests.costing.calls import START, insert_calls, span
from tests.costing.charging import charge, charges

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def verdicts(ch: Warehouse, calls: list[dict[str, Any]]) -> dict[str, str]:
    """Charge calls and say of each what it was: its waste class, or why it doesn't count."""
    insert_calls(ch, calls)
    charge(ch)
    rows = charges(ch)
    return {
        call["span"]: row["waste_class"] or row["uncounted_reason"]
        for call in calls
        for row in [rows[span(call["span"])]]
    }


def test_attempts_of_a_request_are_retry_then_clean(ch: Warehouse) -> None:
    calls: list[dict[str, Any]] = [
        {"span": "first", "request_id": "r", "attempt": 0, "outcome": "timeout"},
        {"span": "second", "request_id": "r", "attempt": 1, "outcome": "error"},
        {"span": "third", "request_id": "r", "attempt": 2},
    ]

    assert verdicts(ch, calls) == {"first": "retry", "second": "retry", "third": "clean"}
    rows = charges(ch)
    assert [rows[span(c["span"])]["last_attempt"] for c in calls] == [0, 0, 1]
    assert all(row["request_succeeded"] for row in rows.values())


def test_an_attempt_superseded_by_another_model_is_fallback(ch: Warehouse) -> None:
    assert verdicts(
        ch,
        [
            {"span": "gpt", "request_id": "r", "attempt": 0, "outcome": "error"},
            {"span": "mini", "request_id": "r", "attempt": 1, "model_served": "gpt-4o-mini"},
        ],
    ) == {"gpt": "fallback", "mini": "clean"}


def test_an_attempt_without_an_answer_is_a_retry_of_the_model_that_was_asked_for(
    ch: Warehouse,
) -> None:
    asked = {"request_id": "r", "model_requested": "gpt-4o"}
    assert verdicts(
        ch,
        [
            {"span": "lost", "attempt": 0, "outcome": "timeout", "model_served": "", **asked},
            {"span": "dated", "attempt": 1, "model_served": "gpt-4o-2024-08-06", **asked},
        ],
    ) == {"lost": "retry", "dated": "clean"}


def test_another_model_that_was_asked_for_is_fallback_though_it_never_answered(
    ch: Warehouse,
) -> None:
    lost = {"attempt": 0, "outcome": "timeout", "model_requested": "gpt-4o", "model_served": ""}
    assert verdicts(
        ch,
        [
            {"span": "lost", "request_id": "r", **lost},
            {"span": "mini", "request_id": "r", "attempt": 1, "model_requested": "gpt-4o-mini"},
        ],
    ) == {"lost": "fallback", "mini": "clean"}


def test_a_request_that_never_succeeds_is_failed_in_all_attempts(ch: Warehouse) -> None:
    assert verdicts(
        ch,
        [
            {"span": "a", "request_id": "r", "attempt": 0, "outcome": "error"},
            {"span": "b", "request_id": "r", "attempt": 1, "outcome": "timeout"},
            {"span": "alone", "outcome": "error"},
        ],
    ) == {"a": "failed", "b": "failed", "alone": "failed"}


def test_the_clients_own_word_on_success_goes_before_the_outcome(ch: Warehouse) -> None:
    assert verdicts(
        ch,
        [
            {"span": "useless", "outcome": "ok", "success": 0},
            {"span": "useful", "outcome": "error", "success": 1},
        ],
    ) == {"useless": "failed", "useful": "clean"}


def test_a_call_that_the_client_cancelled_is_aborted(ch: Warehouse) -> None:
    assert verdicts(
        ch,
        [
            {"span": "gone", "outcome": "cancelled"},
            {"span": "first", "request_id": "r", "attempt": 0, "outcome": "cancelled"},
            {"span": "again", "request_id": "r", "attempt": 1},
        ],
    ) == {"gone": "aborted", "first": "aborted", "again": "clean"}


def test_the_same_prompt_of_a_user_within_ten_minutes_after_a_success_is_a_duplicate(
    ch: Warehouse,
) -> None:
    def asked(name: str, minute: float, **other: Any) -> dict[str, Any]:
        return {
            "span": name,
            "prompt_hash": 42,
            "user_id": "ann",
            "started_at": START + MINUTE * minute,
            "duration_ms": 60_000.0,
            **other,
        }

    assert verdicts(
        ch,
        [
            asked("failed", 0, outcome="error"),
            asked("first", 2),  # ends at 3
            asked("meanwhile", 2.5),  # ends at 3.5; nothing had succeeded when it began
            asked("again", 13.5),  # ten minutes after 3.5
            asked("late", 25),  # more than ten after 14.5
            asked("of another user", 26.5, user_id="bob"),
            asked("of another tenant", 26.5, tenant="globex"),
            asked("without a hash", 26.5, prompt_hash=0),
        ],
    ) == {
        "failed": "failed",
        "first": "clean",
        "meanwhile": "clean",
        "again": "duplicate",
        "late": "clean",
        "of another user": "clean",
        "of another tenant": "clean",
        "without a hash": "clean",
    }


def test_a_response_that_two_instrumentations_saw_counts_once(ch: Warehouse) -> None:
    assert verdicts(
        ch,
        [
            {"span": "wrapper", "trace": "t", "response_id": "resp-9", "output_tokens": None},
            {
                "span": "client",
                "trace": "t",
                "parent": "wrapper",
                "response_id": "resp-9",
                "provider": "openai",
            },
            {"span": "elsewhere", "response_id": "resp-9", "provider": "anthropic"},
        ],
    ) == {"wrapper": "response_repeated", "client": "clean", "elsewhere": "clean"}


def test_a_parent_that_repeats_the_sum_of_its_calls_does_not_count(ch: Warehouse) -> None:
    assert verdicts(
        ch,
        [
            {"span": "agent", "trace": "t", "input_tokens": 300, "output_tokens": 30},
            {"span": "a", "trace": "t", "parent": "agent", "input_tokens": 100,
             "output_tokens": 10},
            {"span": "b", "trace": "t", "parent": "agent", "input_tokens": 150,
             "cache_read_tokens": 50, "output_tokens": 20},
            {"span": "outer", "trace": "t2", "input_tokens": 7, "output_tokens": 1},
            {"span": "inner", "trace": "t2", "parent": "outer", "input_tokens": 9,
             "output_tokens": 1},
        ],
    ) == {
        "agent": "parent_of_usage",
        "a": "clean",
        "b": "clean",
        "outer": "clean",
        "inner": "clean",
    }  # fmt: skip


def test_a_failed_attempt_under_a_successful_call_stays_billed(ch: Warehouse) -> None:
    assert verdicts(
        ch,
        [
            {"span": "answer", "trace": "t", "input_tokens": 100, "output_tokens": 10},
            {"span": "try", "trace": "t", "parent": "answer", "outcome": "error",
             "input_tokens": 100, "output_tokens": 10},
        ],
    ) == {"answer": "clean", "try": "failed"}  # fmt: skip


def test_what_does_not_count_makes_no_request_of_its_own(ch: Warehouse) -> None:
    calls: list[dict[str, Any]] = [
        {"span": "ours", "trace": "t", "request_id": "r", "attempt": 0},
        {"span": "theirs", "trace": "t", "parent": "ours"},
    ]

    assert verdicts(ch, calls) == {"ours": "parent_of_usage", "theirs": "clean"}

    (row,) = ch.query(
        "SELECT sum(calls) AS calls, sum(requests) AS requests, sum(uncounted_calls) AS uncounted,"
        " sum(input_tokens) AS tokens FROM usage_hourly FINAL"
    )
    assert row == {"calls": 1, "requests": 1, "uncounted": 1, "tokens": 1000}

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

import inferledger
from inferledger import Facts, Usage
from inferledger._hash import hash_key, keyed_hash
from inferledger.testing import Captured

START = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def test_a_finished_call_is_recorded_with_all_its_facts(inferledger_capture: Captured) -> None:
    inferledger.record(
        started_at=START,
        ended_at=START + timedelta(milliseconds=1500),
        usage=Usage(input=100, cache_read=50, output=20, reasoning=10),
        provider="openai",
        model="gpt-4o",
        model_served="gpt-4o-2024-08-06",
        operation="chat",
        outcome="ok",
        attempt=1,
        request_id="r-1",
        action_id="a-1",
        action_name="answer",
        tenant="acme",
        user_id="u-1",
        team="support",
        feature="tickets",
        environment="prod",
        session_id="s-1",
        agent="triage",
        prompt_name="qa",
        prompt_version="3",
        response_id="resp-1",
        finish_reason="length",
        service_tier="flex",
        region="eu-west-1",
        stream=True,
        max_output_tokens=20,
        timeout_ms=30_000,
        queue_ms=2,
        ttft_ms=250,
        success=True,
        score=1,
        cache_layer="none",
        cache_hit=False,
        usage_source="estimated",
        tags={"plan": "gold"},
    )

    [call] = inferledger_capture.calls
    assert call["started_at"] == START
    assert call["duration_ms"] == 1500
    assert call["name"] == "chat gpt-4o"
    assert call["attributes"] == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.response.id": "resp-1",
        "gen_ai.response.finish_reasons": ("length",),
        "gen_ai.response.time_to_first_chunk": 0.25,
        "gen_ai.request.max_tokens": 20,
        "gen_ai.request.stream": True,
        "gen_ai.usage.input_tokens": 150,
        "gen_ai.usage.output_tokens": 30,
        "gen_ai.usage.cache_read.input_tokens": 50,
        "gen_ai.usage.reasoning.output_tokens": 10,
        "gen_ai.conversation.id": "s-1",
        "gen_ai.prompt.name": "qa",
        "gen_ai.prompt.version": "3",
        "gen_ai.agent.name": "triage",
        "openai.response.service_tier": "flex",
        "user.id": "u-1",
        "finops.tenant.id": "acme",
        "finops.team": "support",
        "finops.feature": "tickets",
        "finops.environment": "prod",
        "finops.action.id": "a-1",
        "finops.action.name": "answer",
        "finops.request.id": "r-1",
        "finops.request.attempt": 1,
        "finops.outcome": "ok",
        "finops.success": True,
        "finops.score": 1.0,
        "finops.service_tier": "flex",
        "finops.region": "eu-west-1",
        "finops.usage.source": "estimated",
        "finops.cache.layer": "none",
        "finops.cache.hit": False,
        "finops.queue_ms": 2.0,
        "finops.ttft_ms": 250.0,
        "finops.timeout_ms": 30_000.0,
        "finops.tag.plan": "gold",
    }


def test_facts_that_were_gathered_first_are_recorded(inferledger_capture: Captured) -> None:
    facts: Facts = {"provider": "openai", "model": "gpt-4o"}
    facts["tenant"] = "acme"

    inferledger.record(started_at=START, ended_at=START, **facts)

    (recorded,) = inferledger_capture.calls
    assert recorded["attributes"]["finops.tenant.id"] == "acme"


def test_times_in_any_zone_are_the_same_moment(inferledger_capture: Captured) -> None:
    tokyo = START.astimezone(timezone(timedelta(hours=9)))

    inferledger.record(provider="p", model="m", started_at=tokyo, ended_at=tokyo)

    assert inferledger_capture.calls[0]["started_at"] == START


def test_a_naive_time_is_taken_as_utc_and_said(
    inferledger_capture: Captured, caplog: pytest.LogCaptureFixture
) -> None:
    naive = START.replace(tzinfo=None)

    inferledger.record(provider="p", model="m", started_at=naive, ended_at=naive)

    assert inferledger_capture.calls[0]["started_at"] == START
    assert "without a time zone was taken as UTC" in caplog.text


def test_a_call_that_ends_before_it_starts_has_no_duration(
    inferledger_capture: Captured, caplog: pytest.LogCaptureFixture
) -> None:
    inferledger.record(
        provider="p", model="m", started_at=START, ended_at=START - timedelta(seconds=1)
    )

    assert inferledger_capture.calls[0]["duration_ms"] == 0
    assert "ended before it started" in caplog.text


def test_a_wrong_value_costs_only_itself_and_is_said(
    inferledger_capture: Captured, caplog: pytest.LogCaptureFixture
) -> None:
    inferledger.record(
        provider="p",
        model="m",
        started_at=START,
        ended_at=START,
        outcome="fine",  # type: ignore[arg-type]
        score=float("nan"),
        queue_ms=-1,
        attempt=-1,
        colour="red",  # type: ignore[call-arg]
    )

    attributes = inferledger_capture.calls[0]["attributes"]
    assert attributes["finops.outcome"] == "error"
    assert not {"finops.score", "finops.queue_ms"} & set(attributes)
    assert attributes["finops.request.attempt"] == 0
    assert "was recorded as error" in caplog.text
    assert "colour is not known" in caplog.text


def test_nothing_is_raised_for_times_that_are_none(
    inferledger_capture: Captured, caplog: pytest.LogCaptureFixture
) -> None:
    inferledger.record(started_at=None, ended_at=None)  # type: ignore[arg-type]

    assert inferledger_capture.calls == []
    assert "record failed (AttributeError)" in caplog.text


def test_a_zero_count_is_sent_as_zero_and_an_unknown_one_not_at_all(
    inferledger_capture: Captured,
) -> None:
    inferledger.record(
        provider="p", model="m", started_at=START, ended_at=START, usage=Usage(input=0)
    )

    attributes = inferledger_capture.calls[0]["attributes"]
    assert attributes["gen_ai.usage.input_tokens"] == 0
    assert "gen_ai.usage.output_tokens" not in attributes


def test_equal_prompts_have_equal_hashes_under_one_key_only() -> None:
    messages = [{"role": "user", "content": "why?"}]
    same = [{"content": "why?", "role": "user"}]

    assert keyed_hash(messages, hash_key("a")) == keyed_hash(same, hash_key("a"))
    assert keyed_hash(messages, hash_key("a")) != keyed_hash(messages, hash_key("b"))
    assert keyed_hash("why?", hash_key("a")) != keyed_hash("Why?", hash_key("a"))
    assert len(keyed_hash("why?", hash_key("a"))) == 16

from __future__ import annotations

import asyncio
import contextvars
import threading
from datetime import UTC, datetime

import pytest

import inferledger
from inferledger.testing import Captured, capture

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def record(**facts: object) -> None:
    inferledger.record(provider="p", model="m", started_at=NOW, ended_at=NOW, **facts)  # type: ignore[arg-type]


def test_an_action_names_its_calls(inferledger_capture: Captured) -> None:
    with inferledger.action(
        "answer ticket",
        action_id="a-1",
        tenant="acme",
        user_id="u-1",
        team="support",
        feature="tickets",
        session_id="s-1",
        agent="triage",
        environment="staging",
        plan="gold",
        seats=12,
    ):
        record()

    assert inferledger_capture.calls[0]["attributes"] == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "p",
        "gen_ai.request.model": "m",
        "finops.action.name": "answer ticket",
        "finops.action.id": "a-1",
        "finops.tenant.id": "acme",
        "user.id": "u-1",
        "finops.team": "support",
        "finops.feature": "tickets",
        "gen_ai.conversation.id": "s-1",
        "gen_ai.agent.name": "triage",
        "finops.environment": "staging",
        "finops.tag.plan": "gold",
        "finops.tag.seats": "12",
        "finops.request.id": "0000000000000004",
        "finops.request.attempt": 0,
        "finops.outcome": "ok",
        "finops.usage.source": "missing",
    }


def test_the_innermost_context_wins_and_the_rest_is_inherited(
    inferledger_capture: Captured,
) -> None:
    with (
        inferledger.action("outer", tenant="acme", feature="search", plan="gold"),
        inferledger.action("inner", feature="rerank", region="eu"),
    ):
        record()

    attributes = inferledger_capture.calls[0]["attributes"]
    assert attributes["finops.action.name"] == "inner"
    assert attributes["finops.tenant.id"] == "acme"
    assert attributes["finops.feature"] == "rerank"
    assert attributes["finops.tag.plan"] == "gold"
    assert attributes["finops.tag.region"] == "eu"


def test_what_a_call_says_of_itself_wins_over_its_contexts(inferledger_capture: Captured) -> None:
    with inferledger.action("a", tenant="acme"):
        record(tenant="globex")

    assert inferledger_capture.calls[0]["attributes"]["finops.tenant.id"] == "globex"


def test_defaults_of_init_apply_where_nothing_is_said() -> None:
    with capture(tenant="acme", team="platform") as captured:
        record()
        record(team="search")

    assert [call["attributes"]["finops.tenant.id"] for call in captured.calls] == ["acme"] * 2
    assert [call["attributes"]["finops.team"] for call in captured.calls] == ["platform", "search"]


def test_the_calls_of_an_action_share_its_id_and_trace(inferledger_capture: Captured) -> None:
    with inferledger.action("a") as action:
        record()
        record()
        identifier = action.id
    record()

    first, second, other = inferledger_capture.calls
    assert first["trace_id"] == second["trace_id"] != other["trace_id"]
    assert first["attributes"]["finops.action.id"] == identifier
    assert second["attributes"]["finops.action.id"] == identifier
    assert first["attributes"]["finops.request.id"] != second["attributes"]["finops.request.id"]
    assert "finops.action.id" not in other["attributes"]


def test_calls_within_a_request_are_its_attempts(inferledger_capture: Captured) -> None:
    with inferledger.request() as request:
        record(outcome="rate_limited")
        record(outcome="timeout")
        record()
        identifier = request.id

    assert [call["attributes"]["finops.request.attempt"] for call in inferledger_capture.calls] == [
        0,
        1,
        2,
    ]
    assert {call["attributes"]["finops.request.id"] for call in inferledger_capture.calls} == {
        identifier
    }


def test_a_request_keeps_the_id_that_it_is_given(inferledger_capture: Captured) -> None:
    with inferledger.request("r-1"):
        record()

    assert inferledger_capture.calls[0]["attributes"]["finops.request.id"] == "r-1"


def test_an_explicit_request_is_not_numbered_by_the_context(inferledger_capture: Captured) -> None:
    with inferledger.request():
        record(request_id="other", attempt=3)
        record()

    other, own = inferledger_capture.calls
    assert other["attributes"]["finops.request.id"] == "other"
    assert other["attributes"]["finops.request.attempt"] == 3
    assert own["attributes"]["finops.request.attempt"] == 0


def test_a_new_action_inside_a_request_keeps_the_request(inferledger_capture: Captured) -> None:
    with inferledger.request("r-1"), inferledger.action("a"):
        record()

    assert inferledger_capture.calls[0]["attributes"]["finops.request.id"] == "r-1"


def test_contexts_work_with_async_with_and_stay_apart_between_tasks(
    inferledger_capture: Captured,
) -> None:
    async def serve(tenant: str) -> None:
        async with inferledger.action("serve", tenant=tenant), inferledger.request():
            await asyncio.sleep(0)
            record(user_id=tenant)

    async def main() -> None:
        await asyncio.gather(*(serve(f"t{number}") for number in range(5)))

    asyncio.run(main())

    assert len(inferledger_capture.calls) == 5
    for call in inferledger_capture.calls:
        assert call["attributes"]["finops.tenant.id"] == call["attributes"]["user.id"]
        assert call["attributes"]["finops.request.attempt"] == 0


def test_contexts_stay_apart_between_threads(inferledger_capture: Captured) -> None:
    with inferledger.action("a", tenant="acme"):
        thread = threading.Thread(target=record)
        thread.start()
        thread.join()

    assert "finops.tenant.id" not in inferledger_capture.calls[0]["attributes"]


def test_attempts_of_one_request_in_many_threads_are_each_counted_once(
    inferledger_capture: Captured,
) -> None:
    def attempt_50_times() -> None:
        for _ in range(50):
            record()

    with inferledger.request():
        threads = [
            threading.Thread(target=contextvars.copy_context().run, args=(attempt_50_times,))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    attempts = [call["attributes"]["finops.request.attempt"] for call in inferledger_capture.calls]
    assert sorted(int(str(attempt)) for attempt in attempts) == list(range(400))


def test_one_context_object_may_be_entered_again(inferledger_capture: Captured) -> None:
    action = inferledger.action("a", tenant="acme")
    with action:
        record()
    with action:
        record()

    first, second = inferledger_capture.calls
    assert first["attributes"]["finops.action.id"] != second["attributes"]["finops.action.id"]


def test_an_exception_passes_through_the_contexts(inferledger_capture: Captured) -> None:
    with pytest.raises(KeyError), inferledger.action("a"), inferledger.request():
        raise KeyError

    record()
    assert "finops.action.id" not in inferledger_capture.calls[0]["attributes"]


def test_a_score_judges_the_last_attempt_of_a_request(inferledger_capture: Captured) -> None:
    with inferledger.request():
        record(outcome="timeout")
        record()
        inferledger.score(0.25, success=False)

    first, last = inferledger_capture.calls
    assert "finops.success" not in first["attributes"]
    assert last["attributes"]["finops.success"] is False
    assert last["attributes"]["finops.score"] == 0.25


def test_a_score_inside_a_tracked_call_judges_that_call(inferledger_capture: Captured) -> None:
    @inferledger.track(provider="p", model="m")
    def ask() -> None:
        inferledger.score(success=True)

    with inferledger.request():
        ask()

    assert inferledger_capture.calls[0]["attributes"]["finops.success"] is True


def test_a_request_inside_a_tracked_call_is_judged_on_its_own(
    inferledger_capture: Captured,
) -> None:
    @inferledger.track(provider="p", model="outer")
    def agent() -> None:
        with inferledger.request():
            record()
            inferledger.score(success=False)

    agent()

    inner, outer = inferledger_capture.calls
    assert inner["attributes"]["finops.success"] is False
    assert "finops.success" not in outer["attributes"]


def test_a_score_without_a_call_says_so(
    inferledger_capture: Captured, caplog: pytest.LogCaptureFixture
) -> None:
    inferledger.score(1.0)

    assert "score() found no call" in caplog.text


def test_at_most_32_tags_of_bounded_length_are_kept(
    inferledger_capture: Captured, caplog: pytest.LogCaptureFixture
) -> None:
    record(tags={f"tag{number:02}": "x" * 1000 for number in range(40)}, feature="f" * 1000)

    attributes = inferledger_capture.calls[0]["attributes"]
    tags = {name: value for name, value in attributes.items() if name.startswith("finops.tag.")}
    assert len(tags) == 32
    assert {len(str(value)) for value in tags.values()} == {256}
    assert len(str(attributes["finops.feature"])) == 256
    assert "more than 32 tags" in caplog.text

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

import inferledger
from inferledger import Usage
from inferledger.testing import Captured


def test_a_block_is_recorded_with_what_it_learns(inferledger_capture: Captured) -> None:
    with inferledger.call(
        provider="vllm", model="llama", operation="chat", prompt_name="qa"
    ) as call:
        inferledger_capture.clock.advance(ms=40)
        call.response(Usage(input=7, output=2))
        call.describe(queue_ms=3, region="eu", cache_layer="semantic", cache_hit=False)
        call.mark(success=True, score=0.5)

    [recorded] = inferledger_capture.calls
    assert recorded["duration_ms"] == 40
    assert recorded["attributes"] == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "vllm",
        "gen_ai.request.model": "llama",
        "gen_ai.prompt.name": "qa",
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 2,
        "finops.usage.source": "provider",
        "finops.queue_ms": 3.0,
        "finops.region": "eu",
        "finops.cache.layer": "semantic",
        "finops.cache.hit": False,
        "finops.success": True,
        "finops.score": 0.5,
        "finops.outcome": "ok",
        "finops.request.id": "0000000000000004",
        "finops.request.attempt": 0,
    }


def test_a_block_works_with_async_with(inferledger_capture: Captured) -> None:
    async def ask() -> None:
        async with inferledger.call(provider="p", model="m") as call:
            await asyncio.sleep(0)
            call.response({"usage": {"input_tokens": 1, "output_tokens": 2}})

    asyncio.run(ask())

    assert inferledger_capture.calls[0]["attributes"]["gen_ai.usage.output_tokens"] == 2


def test_an_exception_leaves_the_block_untouched(inferledger_capture: Captured) -> None:
    with pytest.raises(TimeoutError), inferledger.call(provider="p", model="m"):
        raise TimeoutError

    assert inferledger_capture.calls[0]["attributes"]["finops.outcome"] == "timeout"


def test_an_outcome_that_was_said_wins(inferledger_capture: Captured) -> None:
    with inferledger.call(provider="p", model="m") as call:
        call.describe(outcome="rate_limited")

    assert inferledger_capture.calls[0]["failed"]


def test_what_the_caller_says_wins_over_what_the_answer_says(
    inferledger_capture: Captured,
) -> None:
    with inferledger.call(provider="azure", service_tier="flex") as call:
        call.response({"model": "m-1", "service_tier": "default", "usage": {"prompt_tokens": 1}})

    attributes = inferledger_capture.calls[0]["attributes"]
    assert attributes["finops.service_tier"] == "flex"
    assert attributes["gen_ai.response.model"] == "m-1"


def test_a_call_can_be_marked_until_its_request_ends(inferledger_capture: Captured) -> None:
    with inferledger.request():
        with inferledger.call(provider="p", model="m") as call:
            pass
        call.mark(success=False)

    assert inferledger_capture.calls[0]["attributes"]["finops.success"] is False


def test_a_mark_that_comes_too_late_is_said(
    inferledger_capture: Captured, caplog: pytest.LogCaptureFixture
) -> None:
    with inferledger.call(provider="p", model="m") as call:
        pass
    call.mark(success=False)

    assert "marked after it had been sent" in caplog.text


def test_a_call_is_recorded_once_however_it_ends(inferledger_capture: Captured) -> None:
    with inferledger.call(provider="p", model="m") as call:
        call.end()
        call.fail(ValueError())

    assert len(inferledger_capture.calls) == 1


def test_the_text_of_prompts_and_answers_is_never_kept(inferledger_capture: Captured) -> None:
    answer = SimpleNamespace(
        id="1",
        model="m",
        choices=[SimpleNamespace(finish_reason="stop", message=SimpleNamespace(content="SECRET"))],
        usage=SimpleNamespace(prompt_tokens=1, completion_tokens=1),
    )
    with inferledger.call(provider="p", model="m") as call:
        call.prompt([{"role": "user", "content": "SECRET"}])
        call.answer("SECRET")
        call.response(answer)

    [recorded] = inferledger_capture.calls
    assert "SECRET" not in str(recorded)
    assert len(str(recorded["attributes"]["finops.prompt.hash"])) == 16
    assert (
        recorded["attributes"]["finops.prompt.hash"] != recorded["attributes"]["finops.answer.hash"]
    )


def test_garbage_never_reaches_the_caller(inferledger_capture: Captured) -> None:
    class Hostile:
        @property
        def usage(self) -> object:
            raise RuntimeError("no")

    with inferledger.call(provider="p", model="m") as call:
        call.response(Hostile())
        call.prompt(object())
        call.describe(queue_ms="soon", nonsense=1)  # type: ignore[arg-type, call-arg]

    assert inferledger_capture.calls[0]["attributes"]["finops.usage.source"] == "missing"


def test_an_object_that_cannot_be_read_costs_only_its_fact(inferledger_capture: Captured) -> None:
    class Hostile:
        def __str__(self) -> str:
            raise RuntimeError("no")

    hostile: Any = Hostile()
    with (
        inferledger.action("a", tenant=hostile, feature="f", plan=hostile),
        inferledger.call(provider="p", model=hostile, tags=hostile),
    ):
        pass

    attributes = inferledger_capture.calls[0]["attributes"]
    assert attributes["finops.feature"] == "f"
    assert attributes["finops.action.name"] == "a"
    assert "finops.tenant.id" not in attributes


def test_every_method_is_safe_while_nothing_is_recorded() -> None:
    with inferledger.call(provider="p", model="m") as call, inferledger.action("a") as action:
        assert list(call.stream([1, 2])) == [1, 2]
        call.response({"usage": {}})
        call.describe(region="eu")
        call.prompt("x")
        call.answer("x")
        call.mark(success=True)
        inferledger.score(1.0)
        inferledger.current_call().mark(success=True)
        assert action.id == ""

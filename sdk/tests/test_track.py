from __future__ import annotations

import asyncio
import inspect
import pickle
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

import inferledger
from inferledger.testing import Captured

ANSWER = {
    "id": "chatcmpl-1",
    "model": "gpt-4o-2024-08-06",
    "service_tier": "default",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "hello"}}],
    "usage": {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 4},
    },
}


@inferledger.track(provider="openai", model="gpt-4o", feature="greeting")
def greet(name: str) -> dict[str, Any]:
    """Greet someone."""
    return {**ANSWER, "greeting": name}


def test_a_call_is_recorded_exactly(inferledger_capture: Captured) -> None:
    assert greet("Ada")["greeting"] == "Ada"

    assert inferledger_capture.calls == [
        {
            "name": "chat gpt-4o",
            "trace_id": "00000000000000010000000000000002",
            "span_id": "0000000000000003",
            "parent_span_id": None,
            "started_at": datetime(2026, 1, 1, tzinfo=UTC),
            "duration_ms": 0.0,
            "failed": False,
            "attributes": {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "openai",
                "gen_ai.request.model": "gpt-4o",
                "gen_ai.response.model": "gpt-4o-2024-08-06",
                "gen_ai.response.id": "chatcmpl-1",
                "gen_ai.response.finish_reasons": ("stop",),
                "gen_ai.usage.input_tokens": 10,
                "gen_ai.usage.output_tokens": 5,
                "gen_ai.usage.cache_read.input_tokens": 4,
                "finops.usage.source": "provider",
                "finops.service_tier": "default",
                "openai.response.service_tier": "default",
                "finops.outcome": "ok",
                "finops.feature": "greeting",
                "finops.request.id": "0000000000000004",
                "finops.request.attempt": 0,
            },
        }
    ]


def test_a_tracked_function_keeps_its_name_signature_and_text(
    inferledger_capture: Captured,
) -> None:
    assert greet.__name__ == "greet"
    assert greet.__doc__ == "Greet someone."
    assert str(inspect.signature(greet)) == "(name: 'str') -> 'dict[str, Any]'"


def test_a_tracked_function_can_be_pickled() -> None:
    import sys

    module = sys.modules[greet.__module__]
    assert pickle.loads(pickle.dumps(greet)) is module.greet  # noqa: S301


def test_the_decorator_works_without_parentheses(inferledger_capture: Captured) -> None:
    @inferledger.track
    def ask(model: str) -> dict[str, Any]:
        return ANSWER

    ask("gpt-4o")

    assert inferledger_capture.calls[0]["name"] == "chat gpt-4o"


def test_the_duration_is_that_of_the_function(inferledger_capture: Captured) -> None:
    @inferledger.track(provider="openai", model="m")
    def ask() -> None:
        inferledger_capture.clock.advance(ms=12.5)

    ask()

    assert inferledger_capture.calls[0]["duration_ms"] == 12.5


def test_facts_are_read_from_the_arguments(inferledger_capture: Captured) -> None:
    @inferledger.track(
        provider="openai",
        tenant=lambda args: args["customer"].id,
        user_id=lambda args: args["user"],
        prompt=lambda args: args["question"],
    )
    def ask(customer: Any, question: str, *, user: int = 7, model: str = "gpt-4o-mini") -> None: ...

    ask(SimpleNamespace(id="acme"), "why?")

    attributes = inferledger_capture.calls[0]["attributes"]
    assert attributes["finops.tenant.id"] == "acme"
    assert attributes["user.id"] == "7"
    assert attributes["gen_ai.request.model"] == "gpt-4o-mini"
    assert len(str(attributes["finops.prompt.hash"])) == 16


def test_a_fact_that_cannot_be_read_costs_only_itself(
    inferledger_capture: Captured, caplog: pytest.LogCaptureFixture
) -> None:
    @inferledger.track(provider="openai", model="m", tenant=lambda args: args["nobody"])
    def ask() -> str:
        return "answer"

    assert ask() == "answer"
    assert "finops.tenant.id" not in inferledger_capture.calls[0]["attributes"]
    assert "tenant could not be read from the arguments (KeyError)" in caplog.text


def test_wrong_arguments_raise_what_the_function_raises(inferledger_capture: Captured) -> None:
    @inferledger.track(tenant=lambda args: args["a"])
    def ask(a: str) -> str:
        return a

    with pytest.raises(TypeError, match="unexpected keyword argument 'b'"):
        ask(b=1)  # type: ignore[call-arg]


def test_an_exception_is_recorded_by_class_and_raised_untouched(
    inferledger_capture: Captured,
) -> None:
    error = ValueError("secret prompt text")

    @inferledger.track(provider="openai", model="m")
    def ask() -> None:
        raise error

    with pytest.raises(ValueError, match="secret") as raised:
        ask()

    [call] = inferledger_capture.calls
    assert raised.value is error
    assert call["failed"]
    assert call["attributes"]["finops.outcome"] == "error"
    assert call["attributes"]["error.type"] == "ValueError"
    assert call["attributes"]["finops.usage.source"] == "missing"
    assert "secret" not in str(call)


def test_a_coroutine_function_stays_one_and_is_recorded(inferledger_capture: Captured) -> None:
    @inferledger.track(provider="openai", model="m")
    async def ask() -> dict[str, Any]:
        await asyncio.sleep(0)
        inferledger_capture.clock.advance(ms=3)
        return ANSWER

    assert inspect.iscoroutinefunction(ask)
    assert asyncio.run(ask()) is ANSWER
    [call] = inferledger_capture.calls
    assert call["duration_ms"] == 3
    assert call["attributes"]["gen_ai.usage.input_tokens"] == 10


def test_a_plain_function_that_returns_a_coroutine_is_awaited(
    inferledger_capture: Captured,
) -> None:
    async def answer() -> dict[str, Any]:
        inferledger_capture.clock.advance(ms=3)
        return ANSWER

    @inferledger.track(provider="openai", model="m")
    def ask() -> Any:
        return answer()

    assert asyncio.run(ask()) is ANSWER
    assert inferledger_capture.calls[0]["duration_ms"] == 3


def test_a_cancelled_coroutine_is_recorded_as_cancelled(inferledger_capture: Captured) -> None:
    @inferledger.track(provider="openai", model="m")
    async def ask() -> None:
        await asyncio.sleep(60)

    async def main() -> None:
        task = asyncio.create_task(ask())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())

    assert inferledger_capture.calls[0]["attributes"]["finops.outcome"] == "cancelled"


def test_a_cancellation_past_the_timeout_is_a_timeout(inferledger_capture: Captured) -> None:
    @inferledger.track(provider="openai", model="m", timeout_ms=100)
    async def ask() -> None:
        inferledger_capture.clock.advance(ms=100)
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(ask())

    attributes = inferledger_capture.calls[0]["attributes"]
    assert attributes["finops.outcome"] == "timeout"
    assert attributes["finops.timeout_ms"] == 100.0


def test_a_function_that_returns_text_can_say_what_the_provider_answered(
    inferledger_capture: Captured,
) -> None:
    @inferledger.track(provider="openai", model="m")
    def ask() -> str:
        inferledger.current_call().response(ANSWER)
        return "text"

    ask()

    assert inferledger_capture.calls[0]["attributes"]["gen_ai.usage.output_tokens"] == 5


def test_a_tracked_call_inside_another_is_its_child(inferledger_capture: Captured) -> None:
    @inferledger.track(provider="openai", model="outer")
    def agent() -> None:
        greet("Ada")

    agent()

    inner, outer = inferledger_capture.calls
    assert inner["parent_span_id"] == outer["span_id"]
    assert inner["trace_id"] == outer["trace_id"]
    assert outer["parent_span_id"] is None


def test_methods_can_be_tracked(inferledger_capture: Captured) -> None:
    class Assistant:
        @inferledger.track(provider="openai", tenant=lambda args: args["self"].tenant)
        def ask(self, model: str) -> dict[str, Any]:
            return ANSWER

        tenant = "acme"

    Assistant().ask("gpt-4o")

    assert inferledger_capture.calls[0]["attributes"]["finops.tenant.id"] == "acme"


def test_nothing_changes_without_init(caplog: pytest.LogCaptureFixture) -> None:
    @inferledger.track(provider="openai")
    def chunks() -> Iterator[int]:
        yield 1

    @inferledger.track(provider="openai")
    async def async_chunks() -> AsyncIterator[int]:
        yield 1

    async def collect() -> list[int]:
        return [chunk async for chunk in async_chunks()]

    assert greet("Ada")["greeting"] == "Ada"
    assert list(chunks()) == [1]
    assert asyncio.run(collect()) == [1]
    assert [record.getMessage() for record in caplog.records] == [
        "inferledger: init() was not called, so calls are not recorded"
    ]

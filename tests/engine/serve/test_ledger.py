"""What is recorded of each attempt, as the SDK would send it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from finops.engine.policy import Policy
from finops.engine.serve.ledger import Ended, outcome_of
from inferledger.testing import Captured, capture
from tests.engine.serve.running import (
    MODEL,
    WAIT_S,
    Pace,
    Running,
    ask,
    limits,
    make_service,
    running,
    wait_until,
)


@pytest.fixture
def captured() -> Iterator[Captured]:
    with capture() as captured:
        yield captured


def only(captured: Captured) -> dict[str, Any]:
    wait_until(lambda: len(captured.calls) == 1, "the record")
    return captured.calls[0]["attributes"]


def serve(captured: Captured, **settings: Any) -> Any:
    return running(make_service(provider="inferledger", **settings))


def test_an_answer_is_recorded_with_all_that_is_known(captured: Captured) -> None:
    with serve(captured) as server:
        answer = server.client().chat.completions.create(
            model=MODEL, messages=ask(), max_tokens=3, user="u-1",
            metadata={"tenant": "acme", "session_id": "s-1", "shift": "night"},
        )  # fmt: skip
        said = only(captured)
    assert answer.usage is not None
    assert {name: said[name] for name in said if not name.endswith("_ms")} == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "inferledger",
        "gen_ai.request.model": MODEL,
        "gen_ai.response.model": MODEL,
        "gen_ai.response.id": answer.id,
        "gen_ai.response.finish_reasons": ("length",),
        "gen_ai.request.stream": False,
        "gen_ai.request.max_tokens": 3,
        "gen_ai.usage.input_tokens": answer.usage.prompt_tokens,
        "gen_ai.usage.cache_read.input_tokens": 0,
        "gen_ai.usage.output_tokens": 3,
        "gen_ai.response.time_to_first_chunk": said["gen_ai.response.time_to_first_chunk"],
        "finops.usage.source": "provider",
        "finops.outcome": "ok",
        "finops.request.id": said["finops.request.id"],
        "finops.request.attempt": 0,
        "finops.prompt.hash": said["finops.prompt.hash"],
        "finops.tenant.id": "acme",
        "user.id": "u-1",
        "gen_ai.conversation.id": "s-1",
        "finops.tag.shift": "night",
    }
    assert said["finops.timeout_ms"] == WAIT_S * 1000
    assert 0 <= said["finops.queue_ms"] <= said["finops.ttft_ms"]
    assert "what did it cost" not in str(captured.calls)


def test_a_client_that_leaves_soon_has_cancelled(captured: Captured) -> None:
    with serve(captured, pace=Pace(5.0), answer_tokens=2000) as server:
        stream = server.client().chat.completions.create(
            model=MODEL, messages=ask(), max_tokens=1900, stream=True
        )
        next(iter(stream))
        stream.close()
        said = only(captured)
    assert (said["finops.outcome"], said["error.type"]) == ("cancelled", "client_disconnected")
    assert said["gen_ai.request.stream"] is True
    assert said["gen_ai.usage.output_tokens"] >= 1


def test_a_refusal_used_nothing(captured: Captured) -> None:
    service = make_service(Pace(), Policy(blocks=256, max_model_len=4096), provider="inferledger")
    service.live.max_waiting = 0
    with running(service) as server:
        with pytest.raises(openai.RateLimitError):
            server.client().chat.completions.create(model=MODEL, messages=ask())
        said = only(captured)
    assert (said["finops.outcome"], said["error.type"]) == ("rate_limited", "queue_full")
    assert said["gen_ai.usage.input_tokens"] == said["gen_ai.usage.output_tokens"] == 0


def test_a_request_that_is_wrong_is_no_call(captured: Captured) -> None:
    with serve(captured) as server:
        with pytest.raises(openai.BadRequestError):
            server.client().chat.completions.create(model=MODEL, messages=ask(), n=3)
        server.client().completions.create(model=MODEL, prompt="a b", max_tokens=1)
        assert only(captured)["gen_ai.operation.name"] == "text_completion"


def test_a_deadline_is_a_timeout(captured: Captured) -> None:
    with serve(
        captured, pace=Pace(20.0), answer_tokens=2000, limits=limits(request_s=0.1)
    ) as server:
        with pytest.raises(openai.InternalServerError):
            server.client().chat.completions.create(model=MODEL, messages=ask(), max_tokens=900)
        said = only(captured)
    assert (said["finops.outcome"], said["error.type"]) == ("timeout", "deadline_passed")


def test_a_trace_that_the_client_sends_is_joined(captured: Captured) -> None:
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    with serve(captured) as server:
        server.client().chat.completions.create(
            model=MODEL, messages=ask(), max_tokens=1,
            extra_headers={"traceparent": f"00-{trace}-{parent}-01"},
        )  # fmt: skip
        only(captured)
    (call,) = captured.calls
    assert (call["trace_id"], call["parent_span_id"]) == (trace, parent)


def test_a_server_without_a_ledger_records_nothing(captured: Captured) -> None:
    with running(make_service()) as server:
        server.client().chat.completions.create(model=MODEL, messages=ask(), max_tokens=1)
    assert captured.calls == []


def test_what_one_server_is_told_of_attempts(captured: Captured) -> None:
    def ask_with(server: Running, retry: str) -> None:
        server.client().chat.completions.create(
            model=MODEL, messages=ask(), max_tokens=1,
            extra_headers={"X-Client-Request-Id": "mine", "x-stainless-retry-count": retry},
        )  # fmt: skip

    with serve(captured) as server:
        for retry in ("0", "1"):
            ask_with(server, retry)
        wait_until(lambda: len(captured.calls) == 2, "the records")
    found = [call["attributes"] for call in captured.calls]
    assert [(said["finops.request.id"], said["finops.request.attempt"]) for said in found] == [
        ("mine", 0),
        ("mine", 1),
    ]


@pytest.mark.parametrize(
    ("silent_ms", "limit_ms", "outcome"),
    [
        (990, 1000, "timeout"),
        (760, 1000, "timeout"),
        (740, 1000, "cancelled"),
        (9_100, 10_000, "timeout"),
        (8_900, 10_000, "cancelled"),
        (60, 100, "timeout"),
        (40, 100, "cancelled"),
        (990, None, "cancelled"),
    ],
)
def test_who_leaves_after_the_silence_that_it_bears_has_timed_out(
    silent_ms: int, limit_ms: float | None, outcome: str
) -> None:
    ended = Ended("cancelled", 0, silent_ms * 10**9, "id")
    assert outcome_of(ended, limit_ms)["outcome"] == outcome


@pytest.mark.parametrize(
    ("end", "outcome"), [("error", "error"), ("oom", "oom"), ("timeout", "timeout"), ("stop", "ok")]
)
def test_each_end_has_an_outcome(end: Any, outcome: str) -> None:
    assert outcome_of(Ended(end, 0, 0, "id"), None)["outcome"] == outcome

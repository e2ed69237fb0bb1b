"""A client that times out and tries again, met in the ledger: through the real collector."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletion

import inferledger
from finops.clickhouse.client import Warehouse
from tests.costing.charging import charge
from tests.engine.serve.running import (
    MODEL,
    Pace,
    Running,
    ask,
    make_service,
    running,
    wait_until,
)
from tests.ingest.loading import load_all
from tests.ingest.serving import KEY, Serving, serving

SLOW_MS, FAST_MS = 100.0, 0.1
TIMEOUT_S = 1.5
OURS = "service = 'shop' AND provider = 'inferledger'"


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Serving]:
    with serving(tmp_path) as receiving:
        inferledger.init(f"http://127.0.0.1:{receiving.port}", KEY, service="shop")
        yield receiving
        inferledger.shutdown()


def load(ch: Warehouse, receiver: Serving) -> list[dict[str, Any]]:
    """Bring what was recorded into ClickHouse; the calls, first attempts first."""
    assert inferledger.flush()
    receiver.intake.writers["traces"].spool.close()
    load_all(ch, receiver.folder)
    return ch.query(f"SELECT * FROM calls FINAL WHERE {OURS} ORDER BY attempt, started_at")


def get_faster_after(server: Running, pace: Pace, aborts: int) -> threading.Thread:
    """Let the server answer in time once so many attempts were abandoned."""
    metrics = server.service.metrics

    def wait() -> None:
        count = metrics.finished.labels(MODEL, "0", "abort")
        wait_until(lambda: count._value.get() == aborts, "the time-outs")
        pace.step_ms = FAST_MS

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def attempts_of(calls: list[dict[str, Any]]) -> list[tuple[int, str, str]]:
    return [(call["attempt"], call["outcome"], call["error_type"]) for call in calls]


def test_the_server_records_each_try_of_a_client_that_retries_inside_itself(
    ch: Warehouse, receiver: Serving
) -> None:
    pace = Pace(SLOW_MS)
    with running(make_service(pace, answer_tokens=60, provider="inferledger")) as server:
        client = server.client(timeout=TIMEOUT_S, max_retries=2)
        faster = get_faster_after(server, pace, aborts=2)
        answer = client.chat.completions.create(
            model=MODEL,
            messages=ask(),
            max_tokens=30,
            user="u-17",
            metadata={"tenant": "acme", "feature": "tickets", "queue": "night"},
        )
        faster.join()
    calls = load(ch, receiver)
    assert attempts_of(calls) == [
        (0, "timeout", "client_timeout"),
        (1, "timeout", "client_timeout"),
        (2, "ok", ""),
    ]
    assert len({call["request_id"] for call in calls}) == 1
    assert len({call["prompt_hash"] for call in calls}) == 1
    assert answer.usage is not None
    prompt = answer.usage.prompt_tokens
    for call in calls:
        assert (call["tenant"], call["user_id"]) == ("acme", "u-17")
        assert (call["feature"], call["tags"]) == ("tickets", {"queue": "night"})
        assert (call["model_requested"], call["timeout_ms"]) == (MODEL, 1000 * TIMEOUT_S)
        assert (call["max_output_tokens"], call["operation"]) == (30, "chat")
        assert call["input_tokens"] + call["cache_read_tokens"] == prompt
        assert call["ttft_ms"] > 0
        assert call["queue_ms"] >= 0
    for late in calls[:2]:
        assert late["duration_ms"] >= 0.9 * 1000 * TIMEOUT_S
        assert 0 < late["output_tokens"] < 30  # what was computed for nobody
    assert calls[2]["response_id"] == answer.id
    assert calls[2]["finish_reason"] == "length"
    assert calls[2]["output_tokens"] == answer.usage.completion_tokens == 30


def test_the_sdk_alone_sees_one_call_where_the_client_retries_inside_itself(
    ch: Warehouse, receiver: Serving
) -> None:
    pace = Pace(SLOW_MS)

    @inferledger.track(provider="inferledger", feature="tickets")
    def answer(client: openai.OpenAI, model: str) -> ChatCompletion:
        return client.chat.completions.create(model=model, messages=ask(), max_tokens=30)

    with running(make_service(pace, answer_tokens=60)) as server:
        faster = get_faster_after(server, pace, aborts=1)
        answer(server.client(timeout=TIMEOUT_S, max_retries=2), MODEL)
        faster.join()
    (call,) = load(ch, receiver)
    assert attempts_of([call]) == [(0, "ok", "")]
    assert call["duration_ms"] > 1000 * TIMEOUT_S  # the try that nobody sees is in it


@pytest.mark.django_db
def test_client_and_server_together_count_each_attempt_once(
    ch: Warehouse, receiver: Serving
) -> None:
    pace = Pace(SLOW_MS)

    @inferledger.track(provider="inferledger", feature="tickets")
    def answer(client: openai.OpenAI, request_id: str, model: str) -> ChatCompletion:
        raw = client.chat.completions.with_raw_response.create(
            model=model,
            messages=ask(),
            max_tokens=30,
            extra_headers={"X-Client-Request-Id": request_id},
        )
        inferledger.current_call().describe(attempt=raw.retries_taken)
        return raw.parse()

    with running(make_service(pace, answer_tokens=60, provider="inferledger")) as server:
        faster = get_faster_after(server, pace, aborts=1)
        client = server.client(timeout=TIMEOUT_S, max_retries=2)
        with inferledger.action("answer", tenant="acme"), inferledger.request() as request:
            request_id = request.id
            answered = answer(client, request_id, MODEL)
        faster.join()
    calls = load(ch, receiver)
    assert attempts_of(calls) == [
        (0, "timeout", "client_timeout"),
        (1, "ok", ""),
        (1, "ok", ""),
    ]
    assert {call["request_id"] for call in calls} == {request_id}
    assert {call["response_id"] for call in calls[1:]} == {answered.id}

    charge(ch)
    charges = ch.query(
        "SELECT counted, uncounted_reason, waste_class, outcome, last_attempt, tenant"
        " FROM charges FINAL ORDER BY counted DESC, last_attempt"
    )
    assert [tuple(row.values()) for row in charges] == [
        (1, "", "retry", "timeout", 0, ""),
        (1, "", "clean", "ok", 1, "acme"),
        (0, "response_repeated", "", "ok", 0, ""),
    ]

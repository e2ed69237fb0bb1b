"""Ten calls, worked out by hand to the last digit, met through the whole path.

They are made with the SDK's decorator around answers in the providers' own shapes, sent over HTTP,
spooled, decoded by ClickHouse, charged by the Celery worker and read back from the API.

List prices, USD per million tokens (input / cache read / 5-minute write / 1-hour write / output):

    gpt-4o              2.50 / 1.25  /  -    / -    / 10.00
    gpt-4o-mini         0.15 / 0.075 /  -    / -    /  0.60
    claude-sonnet-4-5   3.00 / 0.30  /  3.75 / 6.00 / 15.00
    gemini-2.5-pro      1.25 / 0.125 /  -    / -    / 10.00    total input up to 200,000
                        2.50 / 0.25  /  -    / -    / 15.00    above
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import inferledger
from tests.e2e.stack import Stack

Answer = dict[str, Any]


@inferledger.track(provider="openai")
def ask_openai(
    model: str, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0
) -> Answer:
    return {
        "id": f"chatcmpl-{model}-{prompt_tokens}-{completion_tokens}",
        "model": model,
        "choices": [{"finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "prompt_tokens_details": {"cached_tokens": cached_tokens},
        },
    }


@inferledger.track(provider="openai")
def stream_openai(model: str, prompt_tokens: int, completion_tokens: int) -> Iterator[Answer]:
    chunk = {"id": "chatcmpl-streamed", "model": model}
    yield {**chunk, "choices": [{"delta": {"content": "…"}, "finish_reason": None}]}
    yield {**chunk, "choices": [{"delta": {}, "finish_reason": "stop"}]}
    usage = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
    yield {**chunk, "choices": [], "usage": usage}


@inferledger.track(provider="anthropic")
def ask_anthropic(model: str) -> Answer:
    return {
        "id": "msg_cached",
        "type": "message",
        "model": model,
        "stop_reason": "end_turn",
        "usage": {
            "input_tokens": 1_000,
            "cache_read_input_tokens": 10_000,
            "cache_creation_input_tokens": 4_000,
            "cache_creation": {
                "ephemeral_5m_input_tokens": 3_000,
                "ephemeral_1h_input_tokens": 1_000,
            },
            "output_tokens": 800,
        },
    }


@inferledger.track(provider="anthropic")
def stream_that_breaks(model: str) -> Iterator[Answer]:
    start = {"id": "msg_broken", "model": model, "usage": {"input_tokens": 2_000}}
    yield {"type": "message_start", "message": start}
    yield {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 300}}
    raise ConnectionError("the provider hung up")


@inferledger.track(provider="google")
def ask_gemini(model: str, prompt: int, answer: int, thoughts: int) -> Answer:
    return {
        "responseId": f"gemini-{prompt}",
        "modelVersion": model,
        "candidates": [{"finishReason": "STOP"}],
        "usageMetadata": {
            "promptTokenCount": prompt,
            "candidatesTokenCount": answer,
            "thoughtsTokenCount": thoughts,
        },
    }


@inferledger.track(provider="vllm")
def ask_own_model(model: str) -> Answer:
    usage = {"prompt_tokens": 500, "completion_tokens": 5}
    return {"id": "own-1", "model": model, "choices": [{"finish_reason": "stop"}], "usage": usage}


def make_ten_calls() -> None:
    with inferledger.action("answer", tenant="acme"):
        ask_openai("gpt-4o", 10_000, 500, cached_tokens=8_000)  # 1
        with inferledger.request():
            ask_openai("gpt-4o-mini", 1_000, 200)  # 2: whole, paid for, and of no use
            inferledger.score(success=False)
            ask_openai("gpt-4o-mini", 1_000, 100)  # 3: its retry
        list(stream_openai("gpt-4o", 1_234, 567))  # 4
        now = datetime.now(UTC)
        inferledger.record(  # 5: the user left; what was used is an estimate
            started_at=now - timedelta(seconds=1),
            ended_at=now,
            provider="openai",
            model="gpt-4o",
            outcome="cancelled",
            usage=inferledger.Usage(input=3_000, output=50),
            usage_source="estimated",
        )
        ask_anthropic("claude-sonnet-4-5")  # 6
        ask_gemini("gemini-2.5-pro", 250_000, 1_000, 0)  # 7
        ask_gemini("gemini-2.5-pro", 200_000, 400, 600)  # 8
    with inferledger.action("answer", tenant="globex"), pytest.raises(ConnectionError):
        list(stream_that_breaks("claude-sonnet-4-5"))  # 9
    ask_own_model("guard-llama-8b")  # 10: no tenant, no price


COUNTS = (
    "calls",
    "requests",
    "successful_requests",
    "unpriced_calls",
    "input_tokens",
    "output_tokens",
)
COSTS = (
    "cost_usd",
    "clean_cost_usd",
    "waste_cost_usd",
    "retry_cost_usd",
    "failed_cost_usd",
    "aborted_cost_usd",
    "cost_per_successful_request_usd",
    "loaded_cost_per_successful_request_usd",
)
NOTHING = "0.000000000000"

# (tenant, model): the counts, then the costs, in the order of the names above
EXPECTED = {
    # 1: 2,000 x 2.50 + 8,000 x 1.25 + 500 x 10 = 5,000 + 10,000 + 5,000  -> 0.020
    # 4: 1,234 x 2.50 + 567 x 10                = 3,085 + 5,670           -> 0.008755
    # 5: 3,000 x 2.50 + 50 x 10                 = 7,500 + 500             -> 0.008, aborted
    # clean 0.028755 / 2 = 0.0143775; all 0.036755 / 2 = 0.0183775
    ("acme", "gpt-4o"): (
        (3, 3, 2, 0, 14_234, 1_117),
        (
            "0.036755000000",
            "0.028755000000",
            "0.008000000000",
            NOTHING,
            NOTHING,
            "0.008000000000",
            "0.014377500000",
            "0.018377500000",
        ),
    ),
    # 2: 1,000 x 0.15 + 200 x 0.60 = 150 + 120 -> 0.00027, of a request that then succeeded: retry
    # 3: 1,000 x 0.15 + 100 x 0.60 = 150 + 60  -> 0.00021
    ("acme", "gpt-4o-mini"): (
        (2, 1, 1, 0, 2_000, 300),
        (
            "0.000480000000",
            "0.000210000000",
            "0.000270000000",
            "0.000270000000",
            NOTHING,
            NOTHING,
            "0.000210000000",
            "0.000480000000",
        ),
    ),
    # 6: 1,000 x 3 + 10,000 x 0.30 + 3,000 x 3.75 + 1,000 x 6 + 800 x 15
    #    = 3,000 + 3,000 + 11,250 + 6,000 + 12,000 -> 0.03525
    ("acme", "claude-sonnet-4-5"): (
        (1, 1, 1, 0, 15_000, 800),
        (
            "0.035250000000",
            "0.035250000000",
            NOTHING,
            NOTHING,
            NOTHING,
            NOTHING,
            "0.035250000000",
            "0.035250000000",
        ),
    ),
    # 7: above 200,000:   250,000 x 2.50 + 1,000 x 15       = 625,000 + 15,000 -> 0.64
    # 8: exactly 200,000: 200,000 x 1.25 + (400 + 600) x 10 = 250,000 + 10,000 -> 0.26
    ("acme", "gemini-2.5-pro"): (
        (2, 2, 2, 0, 450_000, 2_000),
        (
            "0.900000000000",
            "0.900000000000",
            NOTHING,
            NOTHING,
            NOTHING,
            NOTHING,
            "0.450000000000",
            "0.450000000000",
        ),
    ),
    # 9: 2,000 x 3 + 300 x 15 = 6,000 + 4,500 -> 0.0105 for nothing: no cost per success exists
    ("globex", "claude-sonnet-4-5"): (
        (1, 1, 0, 0, 2_000, 300),
        (
            "0.010500000000",
            NOTHING,
            "0.010500000000",
            NOTHING,
            "0.010500000000",
            NOTHING,
            None,
            None,
        ),
    ),
    # 10: succeeded, and nobody knows what it cost
    ("", "guard-llama-8b"): ((1, 1, 1, 1, 500, 5), (None,) * 8),
}

# all: 0.036755 + 0.00048 + 0.03525 + 0.9 + 0.0105 = 0.982985
# clean: 0.028755 + 0.00021 + 0.03525 + 0.9        = 0.964215; / 7 = 0.137745
# waste: 0.008 + 0.00027 + 0.0105                  = 0.01877
# loaded: 0.982985 / 7 = 0.140426428571|4
TOTALS = (
    (10, 9, 7, 1, 483_734, 4_522),
    (
        "0.982985000000",
        "0.964215000000",
        "0.018770000000",
        "0.000270000000",
        "0.010500000000",
        "0.008000000000",
        "0.137745000000",
        "0.140426428571",
    ),
)


def measures(row: Answer) -> tuple[tuple[int, ...], tuple[str | None, ...]]:
    return tuple(row[name] for name in COUNTS), tuple(row[name] for name in COSTS)


@pytest.fixture(scope="module")
def answer(stack: Stack) -> Answer:
    """What the API says once ten calls are charged."""
    workspace = stack.workspace("golden")
    key = stack.key(workspace, "ingest", "read")
    inferledger.init(stack.otlp, key, service="golden")
    make_ten_calls()
    assert inferledger.shutdown(30)
    now = datetime.now(UTC)

    def ask() -> Answer:
        found: Answer = stack.get(
            "/api/v1/unit-costs",
            key,
            group_by="tenant,model",
            **{"from": (now - timedelta(hours=2)).isoformat()},
            to=(now + timedelta(hours=2)).isoformat(),
        )
        return found

    stack.wait(lambda: bool(ask()["totals"]["calls"] == 10), "ten calls charged")
    return ask()


@pytest.mark.parametrize("group", sorted(EXPECTED))
def test_a_group_costs_what_the_paper_says(answer: Answer, group: tuple[str, str]) -> None:
    rows = {(row["tenant"], row["model"]): row for row in answer["rows"]}
    assert measures(rows[group]) == EXPECTED[group]


def test_there_is_no_other_group(answer: Answer) -> None:
    assert {(row["tenant"], row["model"]) for row in answer["rows"]} == set(EXPECTED)


def test_the_total_is_what_the_paper_says(answer: Answer) -> None:
    assert measures(answer["totals"]) == TOTALS

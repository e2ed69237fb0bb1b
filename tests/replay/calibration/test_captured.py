"""Captured calls become a run; what the server said of itself bounds what may be concluded."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from finops.engine.observed.run import SeenBy, Setup
from finops.queries.calibration_calls import CapturedCall
from finops.queries.serving import Level, ServingLoad
from finops.replay.calibration.captured import (
    Capture,
    ServerView,
    capture,
    captured_share,
    in_flight,
    kv_blocks,
    server_view,
    tokens_held,
)
from finops.replay.calibration.errors import InvalidInput

START = datetime(2026, 11, 20, 10, tzinfo=UTC)
END = START + timedelta(seconds=10)
CALL = CapturedCall(
    started_at=START,
    provider="vllm",
    operation="chat",
    outcome="ok",
    duration_ms=2_000.0,
    ttft_ms=500.0,
    prompt_tokens=100,
    cached_tokens=None,
    output_tokens=20,
)


def later(seconds: float, **changes: Any) -> CapturedCall:
    return replace(CALL, started_at=START + timedelta(seconds=seconds), **changes)


def taken(*calls: CapturedCall) -> Capture:
    return capture(calls, START, Setup(), "calls")


def test_calls_become_requests_in_order_with_times_from_the_first() -> None:
    found = taken(later(3), later(1, prompt_tokens=7, ttft_ms=None))
    run = found.run
    assert run.workload.arrival_ps.tolist() == [0, 2 * 10**12]
    assert run.workload.prompt.tolist() == [7, 100]
    assert run.times.first_ps.tolist() == [-1, 25 * 10**11]
    assert run.times.finish_ps.tolist() == [2 * 10**12, 4 * 10**12]
    assert run.seen_by is SeenBy.CLIENT
    assert found.in_range.tolist() == [True, True]


def test_a_call_that_began_before_the_range_loads_the_server_and_is_not_fitted_to() -> None:
    found = taken(later(-1), later(1))
    assert len(found.run) == 2
    assert found.in_range.tolist() == [False, True]


def test_cached_tokens_are_not_computed_again() -> None:
    found = taken(later(0, cached_tokens=64), later(1))
    assert found.run.workload.prompt.tolist() == [36, 100]
    assert found.run.workload.hashes is None


def test_without_cached_tokens_the_chain_of_each_prompt_decides() -> None:
    chain = tuple(range(9))
    found = taken(later(0, chain=chain), later(1, chain=chain))
    assert found.run.workload.prompt.tolist() == [100, 100]
    # 100 tokens are six whole blocks of 16.
    assert found.run.workload.hashes == [(0, 1, 2, 3, 4, 5)] * 2
    assert taken(later(0, chain=chain), later(1)).run.workload.hashes is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"operation": "embeddings"}, "generate no text"),
        ({"outcome": "timeout"}, "failed or were cut off"),
        ({"output_tokens": None}, "don't say how many tokens they had"),
        ({"prompt_tokens": 0}, "don't say how many tokens they had"),
        ({"duration_ms": 0.0}, "don't say how long they took"),
        ({"ttft_ms": 2_001.0}, "have a first token outside of their duration"),
    ],
)
def test_what_cannot_be_replayed_is_left_out_with_its_reason(
    changes: dict[str, Any], reason: str
) -> None:
    found = taken(CALL, later(1, **changes), later(2, **changes))
    assert (len(found.run), found.left_out) == (1, {reason: 2})
    with pytest.raises(InvalidInput, match=f"1 {reason}"):
        taken(later(1, **changes))


def test_in_flight_and_tokens_held_are_means_over_the_range() -> None:
    # One lies within the range, one reaches into it by a second, one is over before it.
    calls = [later(1), later(-1), later(-5)]
    assert in_flight(calls, START, END) == pytest.approx((2 + 1) / 10)
    # 100 of the prompt and, answers growing evenly, 10 of 20.
    assert tokens_held(calls, START, END) == pytest.approx((2 + 1) * 110 / 10)


def load_of(second: int, running: float, waiting: float, usage: float) -> ServingLoad:
    levels = {
        "running": Level(running, running),
        "waiting": Level(waiting, waiting),
        "kv_cache_usage": Level(usage, usage),
    }
    return ServingLoad(START + timedelta(seconds=second), "vllm", "llama", levels)


def test_what_a_server_said_is_averaged_over_the_time_in_which_it_did() -> None:
    view = server_view([load_of(2, 2, 0, 0.1), load_of(7, 4, 1, 0.3)], step_s=3)
    assert (view.start, view.end) == (START + timedelta(seconds=2), END)
    assert view.in_flight == 3.5
    assert view.kv_usage == pytest.approx(0.2)
    assert view.most_running is None
    assert server_view([], step_s=1) == ServerView()


def test_who_waits_beside_free_memory_waits_for_the_engines_limit() -> None:
    assert server_view([load_of(0, 64, 5, 0.5)], 1).most_running == 64
    assert server_view([load_of(0, 64, 5, 0.95)], 1).most_running is None
    assert server_view([load_of(0, 64, 0, 0.5)], 1).most_running is None


def test_a_part_of_the_servers_load_is_told_and_too_small_a_part_refused() -> None:
    calls = [later(0, duration_ms=8_000.0)]
    assert captured_share(calls, ServerView(START, END, 1.0)) == pytest.approx(0.8)
    assert captured_share(calls, ServerView()) is None
    with pytest.raises(InvalidInput, match="Only 40% of the server's requests"):
        captured_share(calls, ServerView(START, END, 2.0))


def test_the_size_of_the_kv_cache_follows_from_its_usage_and_the_tokens_held() -> None:
    calls = [later(0, duration_ms=10_000.0)]
    # 110 tokens on average are 5 % of it.
    assert kv_blocks(calls, ServerView(START, END, 1.0, 0.05)) == round(110 / 0.05 / 16)
    assert kv_blocks(calls, ServerView(START, END, 1.0, 0.001)) is None
    assert kv_blocks(calls, ServerView()) is None

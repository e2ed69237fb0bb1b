"""The demo's GPU: at work for as long as its model's calls took, and idle in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from finops.demo.attempts import Attempt, Tokens
from finops.demo.draw import Request
from finops.demo.gpus import MODEL, STEP_S, gpu_time, samples
from finops.demo.profiles import CLIENTS, MODELS

END = datetime(2026, 11, 21, 12, 20, tzinfo=UTC)
USED = Tokens(10, 0, 0, 1, 0)


def request(
    before_end_s: float, duration_ms: float, model: str = MODEL, used: bool = True
) -> Request:
    attempt = Attempt(
        model=MODELS[model],
        after_ms=0.0,
        duration_ms=duration_ms,
        ttft_ms=None,
        outcome="ok",
        error_type="",
        usable=True,
        tokens=USED if used else None,
    )
    return Request(1, 1, CLIENTS["39"], "u", "p", before_end_s, (attempt,))


def test_a_call_keeps_the_gpu_at_work_in_each_step_that_it_ran_in() -> None:
    parts = dict(gpu_time(request(STEP_S + 4, 10_000), END))
    first = int(END.timestamp()) // STEP_S - 2
    assert parts == {first: pytest.approx(4), first + 1: pytest.approx(6)}
    assert not list(gpu_time(request(60, 10_000, model="gpt-4o"), END))
    assert not list(gpu_time(request(60, 10_000, used=False), END))


def test_samples_begin_with_the_hour_and_power_follows_the_work() -> None:
    step = int((END - timedelta(minutes=5)).timestamp()) // STEP_S
    found = samples({step: 15.0, step + 1: 99.0}, END)
    assert datetime.fromtimestamp(found[0].ts_ns / 1e9, UTC) == END.replace(minute=0)
    assert len(found) == 20 * 60 // STEP_S + 1
    by_end = {sample.ts_ns // 10**9: (sample.busy, sample.power_w) for sample in found}
    assert by_end[(step + 1) * STEP_S] == (0.5, 17 + 55 / 2)
    assert by_end[(step + 2) * STEP_S] == (1.0, 72)
    assert by_end[step * STEP_S] == (0.0, 17)
    assert samples({}, END) == []

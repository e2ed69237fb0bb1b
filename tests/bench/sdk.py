"""What tracking costs the thread that calls, beside a bare span of OpenTelemetry's SDK."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from opentelemetry.sdk.trace import TracerProvider

import inferledger
from inferledger import Usage
from inferledger._queue import SendQueue
from inferledger._recorder import Recorder, install
from inferledger._span import Span

ROUNDS = 15
CALLS = 1000

ANSWER: dict[str, object] = {
    "id": "chatcmpl-1",
    "model": "gpt-4o-2024-08-06",
    "service_tier": "default",
    "choices": [{"index": 0, "finish_reason": "stop"}],
    "usage": {
        "prompt_tokens": 1200,
        "completion_tokens": 350,
        "prompt_tokens_details": {"cached_tokens": 1024},
        "completion_tokens_details": {"reasoning_tokens": 200},
    },
}
MOMENT = datetime(2026, 3, 1, tzinfo=UTC)
ATTRIBUTES: dict[str, str | int] = {
    f"gen_ai.attribute.{number}": "value" if number % 2 else number for number in range(20)
}
USAGE = Usage(input=176, cache_read=1024, output=150, reasoning=200)

_tracer = TracerProvider().get_tracer("bench")


@inferledger.track(provider="openai", model="gpt-4o", feature="tickets")
def _tracked() -> dict[str, object]:
    return ANSWER


def _bare() -> None:
    span = _tracer.start_span("chat gpt-4o", attributes=ATTRIBUTES)
    span.end()


def _record() -> None:
    inferledger.record(
        provider="openai",
        model="gpt-4o",
        started_at=MOMENT,
        ended_at=MOMENT,
        usage=USAGE,
        response_id="chatcmpl-1",
        finish_reason="stop",
        ttft_ms=250,
        feature="tickets",
        tenant="acme",
    )


class _Nowhere:
    """Takes every batch at once, so that only the calling thread's part is measured."""

    def send(self, spans: Sequence[Span]) -> None:
        return

    def nudge(self) -> None:
        return

    def give_up_at(self, deadline: float) -> None:
        return

    def after_fork(self) -> None:
        return


def measure(workdir: Path) -> list[tuple[str, float, str, str]]:
    """Microseconds of the calling thread; the sender's thread is not counted."""
    steps = (_bare, _tracked, _record)
    costs: dict[str, list[float]] = {step.__name__: [] for step in steps}
    for _ in range(ROUNDS):
        for step in steps:
            costs[step.__name__].append(_microseconds(step))
    bare, tracked, recorded = (median(costs[step.__name__]) for step in steps)
    return [
        ("bare OpenTelemetry span, 20 attributes", bare, "µs", "peer"),
        ("tracked call", tracked, "µs", "under 60"),
        ("tracked call / bare span", tracked / bare, "ratio", "under 2"),
        ("record()", recorded, "µs", "under 60"),
        ("record() / bare span", recorded / bare, "ratio", "under 2"),
        ("import inferledger, CPU", _import_ms(), "ms", "under 150"),
    ]


def _microseconds(step: Callable[[], object]) -> float:
    queue = SendQueue(_Nowhere(), capacity=CALLS)
    before = install(Recorder(take=queue.put, hash_key=b"bench"))
    try:
        began_ns = time.thread_time_ns()
        for _ in range(CALLS):
            step()
        return (time.thread_time_ns() - began_ns) / CALLS / 1000
    finally:
        install(before)
        queue.close(timeout_s=10)


def _import_ms() -> float:
    program = (
        "import time; began = time.process_time(); import inferledger; "
        "print((time.process_time() - began) * 1000)"
    )
    runs = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        for _ in range(5)
    ]
    return median(float(run.stdout) for run in runs)

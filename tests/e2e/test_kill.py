"""kill -9 of each process in turn under load: what was acknowledged is there exactly once."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

import inferledger
from tests.e2e.processes import parts
from tests.e2e.stack import Stack, running_stack

# What CI runs of the soak; `make soak` runs all of it.
SHORT = os.environ.get("FINOPS_TEST_SOAK") == "short"
PARTS = ("clickhouse", "receiver", "loader", "worker", "beat", "web")
# 10 x 0.15 + 1 x 0.60 USD per million: what each call of the load costs
CALL_USD = Decimal("0.0000021")

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="looks for processes in /proc"
)


class Load(threading.Thread):
    """An application that makes calls without a pause, each with an id of its own."""

    def __init__(self, key: str, pause_s: float) -> None:
        super().__init__(daemon=True)
        self.calls = 0
        self.key = key
        self._pause_s = pause_s
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(self._pause_s):
            now = datetime.now(UTC)
            inferledger.record(
                started_at=now - timedelta(milliseconds=5),
                ended_at=now,
                provider="openai",
                model="gpt-4o-mini",
                tenant="load",
                request_id=f"load-{self.calls}",
                response_id=f"load-{self.calls}",
                usage=inferledger.Usage(input=10, output=1),
            )
            self.calls += 1

    def end(self) -> int:
        """Stop making calls; returns how many there were."""
        self._over.set()
        self.join()
        return self.calls


def kill(stack: Stack, name: str) -> None:
    """Kill one part and wait until another process does its work."""
    stack.wait(lambda: name in parts(stack.process.pid), f"{name} running")
    killed = parts(stack.process.pid)[name]
    os.kill(killed, signal.SIGKILL)
    stack.wait(
        lambda: parts(stack.process.pid).get(name, killed) != killed, f"{name} started again"
    )


def healthy(stack: Stack) -> bool:
    try:
        with urllib.request.urlopen(f"{stack.url}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def load_on(stack: Stack) -> Iterator[Load]:
    """An application that sends to a workspace of its own while the block lasts."""
    key = stack.key(stack.workspace("load"), "ingest", "read")
    inferledger.init(stack.otlp, key, on_full="wait")
    load = Load(key, pause_s=0.004)
    load.start()
    try:
        yield load
    finally:
        load.end()
        inferledger.shutdown(1)


def assert_exactly_once(stack: Stack, load: Load) -> None:
    """Everything that was sent is loaded once, charged once and summed up once."""
    sent = load.end()
    assert inferledger.flush(120), f"not all was acknowledged\n{stack.logs()}"
    since = (datetime.now(UTC) - timedelta(days=1)).isoformat()

    def charged() -> int:
        try:
            found = stack.get("/api/v1/unit-costs", load.key, **{"from": since})
        except (urllib.error.URLError, OSError):
            return -1
        return int(found["totals"]["calls"])

    stack.wait(lambda: charged() >= sent, f"{sent} calls charged", 120)
    ch = stack.clickhouse()
    for table in ("calls", "charges"):
        row = ch.query(
            f"SELECT count() AS n, uniqExact(request_id) AS ids FROM {table} FINAL "
            "WHERE startsWith(request_id, 'load-')"
        )[0]
        assert (row["n"], row["ids"]) == (sent, sent), table
    ch.close()
    totals = stack.get("/api/v1/unit-costs", load.key, **{"from": since})["totals"]
    assert totals["calls"] == totals["successful_requests"] == sent
    assert Decimal(totals["cost_usd"]) == sent * CALL_USD
    stack.wait(lambda: healthy(stack), "all parts well again")


@pytest.mark.timeout(280)
def test_each_process_killed_once_loses_and_doubles_nothing(stack: Stack) -> None:
    with load_on(stack) as load:
        for name in PARTS:
            time.sleep(0.5)
            kill(stack, name)
        assert_exactly_once(stack, load)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(1 if SHORT else 3))
def test_processes_killed_in_any_order_for_minutes_lose_and_double_nothing(
    tmp_path: Path, seed: int
) -> None:
    rng = Random(seed)
    with running_stack(tmp_path) as stack, load_on(stack) as load:
        for _ in range(12 if SHORT else 40):
            time.sleep(rng.uniform(0.1, 4))
            kill(stack, rng.choice(PARTS))
        assert_exactly_once(stack, load)

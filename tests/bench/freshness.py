"""The collector at rest: how soon one span is a call, and what a span a second costs.

The lag is from just before the request is sent until a client of ClickHouse sees the call. The cost
is the CPU time of receiver, loader and ClickHouse together, in percent of one core; the connection
that looks for calls rests meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

from finops.clickhouse.client import Warehouse, connect
from finops.clickhouse.migrate import Shape, bring_up_to_date
from tests.bench.ingest import WAIT_S, cpu_s
from tests.clickhouse_server import EmbeddedServer, running
from tests.ingest.collector import Collector, collector, install
from tests.ingest.payloads import Span, request

CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 20,
}
LAGS = 40
# Spans come at no fixed phase of the loader's rounds.
STEP_S = 1.37
COSTED_S = 60
LOOK_EVERY_S = 0.02


def measure(workdir: Path) -> list[tuple[str, float, str, str]]:
    """Return (name, value, unit, bar) of each figure."""
    installation = install(workdir / "installation")
    with running(workdir / "server", "--fsync") as server:
        ch = connect(server.url)
        bring_up_to_date(ch, Shape(), datetime.now(UTC))
        with collector(workdir / "idle", installation, clickhouse_url=server.url) as idle:
            idle.start()
            idle.wait_ready()
            lag_s(idle, ch, 1)  # the first one also opens connections
            lags = [lag_s(idle, ch, number) for number in range(2, LAGS + 2)]
            resting = cost(idle, server, every_s=None)
            busy = cost(idle, server, every_s=1.0)
        ch.close()
    unit = "% of a core"
    return [
        ("one span to an idle system, until in calls: p50", median(lags), "s", ""),
        ("one span to an idle system, until in calls: p95", p95(lags), "s", "at most 2"),
        ("nothing is sent: receiver, loader, ClickHouse", sum(resting), unit, ""),
        ("a span a second: receiver", busy[0], unit, ""),
        ("a span a second: loader", busy[1], unit, ""),
        ("a span a second: ClickHouse", busy[2], unit, ""),
        ("a span a second: all of it", sum(busy), unit, "at most 15"),
    ]


def p95(values: Sequence[float]) -> float:
    return quantiles(values, n=20)[-1]


def send(to: Collector, number: int) -> None:
    if to.post(request(Span(CHAT, span_id=number.to_bytes(8, "big"), start_ns=now_ns()))) != 200:
        raise RuntimeError("a span was not acknowledged")


def now_ns() -> int:
    return time.time_ns() - 2 * 10**9


def lag_s(to: Collector, ch: Warehouse, number: int) -> float:
    """Send one span and wait until it is a call; returns how long that took."""
    time.sleep(STEP_S)
    began = time.monotonic()
    send(to, number)
    until = began + WAIT_S
    span = {"span": f"{number:016X}"}
    while not ch.query("SELECT 1 FROM calls WHERE hex(span_id) = {span:String}", span):
        if time.monotonic() > until:
            raise TimeoutError("the call never came")
        time.sleep(LOOK_EVERY_S)
    return time.monotonic() - began


def cost(idle: Collector, server: EmbeddedServer, every_s: float | None) -> tuple[float, ...]:
    """Return the percentages of a core that receiver, loader and ClickHouse use."""
    loader = idle.loader()
    assert idle.process is not None
    assert loader is not None
    pids = (idle.process.pid, loader, server.process.pid)
    before, began = [cpu_s(pid) for pid in pids], time.monotonic()
    number = 1 << 40
    while (passed_s := time.monotonic() - began) < COSTED_S:
        if every_s is None:
            time.sleep(COSTED_S - passed_s)
        else:
            number += 1
            send(idle, number)
            time.sleep(max(0.0, began + (number - (1 << 40)) * every_s - time.monotonic()))
    used = [cpu_s(pid) - cpu for pid, cpu in zip(pids, before, strict=True)]
    return tuple(100 * cpu / (time.monotonic() - began) for cpu in used)

"""The collector: spans per second of CPU at the door, in ClickHouse, and through both.

Requests hold 512 spans of about 23 attributes each. CPU is what the processes used, the kernel's
part for sockets and disk included, so that a busy machine changes the figures less than wall time.
"""

from __future__ import annotations

import http.client
import os
import random
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from finops.clickhouse.client import Warehouse, connect
from finops.clickhouse.migrate import Shape, bring_up_to_date
from ingest.admission import admit
from ingest.batch import finish, next_batch
from ingest.load import load
from tests.clickhouse_server import EmbeddedServer, running
from tests.ingest.collector import Collector, Installation, collector, install
from tests.ingest.payloads import Span, request

SPANS = 512
BODIES = 64
CONNECTIONS = 4
ROUNDS = 5
WAIT_S = 120
TICKS = os.sysconf("SC_CLK_TCK")


def measure(workdir: Path) -> list[tuple[str, float, str, str]]:
    """Return (name, value, unit, bar) of each figure."""
    bodies = [make_body(seed) for seed in range(BODIES)]
    installation = install(workdir / "installation")
    with running(workdir / "server", "--fsync") as server:
        ch = connect(server.url)
        bring_up_to_date(ch, Shape(), datetime.now(UTC))
        door = measure_door(bodies)
        receiver, spool = measure_receiver(workdir / "receiver", installation, bodies)
        loading = measure_loading(ch, server, spool)
        for table in ("spans", "calls", "segments"):
            ch.command(f"TRUNCATE TABLE {table}")
        whole, lag_s = measure_whole(workdir / "whole", installation, bodies, ch, server)
        ch.close()
    unit = "spans per CPU-second"
    return [
        ("validate, drop content, write again", door, unit, ""),
        ("receiver: acknowledged, synced to disk", receiver, unit, "at least 150,000"),
        ("decode and normalise in ClickHouse", loading, unit, "at least 60,000"),
        ("whole: acknowledged and queryable, all CPU", whole, unit, "at least 40,000"),
        ("whole: last acknowledged to queryable", lag_s, "s", "at most 5"),
    ]


def make_body(seed: int) -> bytes:
    """Return a request as our SDK sends them, with ids of its own."""
    rng = random.Random(seed)
    spans = []
    for number in range(SPANS):
        model = rng.choice(("gpt-4o", "gpt-4o-mini", "claude-sonnet-4-5"))
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": model,
            "gen_ai.response.model": f"{model}-2024-08-06",
            "gen_ai.response.id": f"chatcmpl-{rng.randbytes(9).hex()}",
            "gen_ai.response.finish_reasons": ["stop"],
            "gen_ai.usage.input_tokens": rng.randrange(200, 20_000),
            "gen_ai.usage.output_tokens": rng.randrange(50, 2_000),
            "gen_ai.usage.cache_read.input_tokens": rng.randrange(150),
            "gen_ai.usage.reasoning.output_tokens": rng.randrange(40),
            "gen_ai.response.time_to_first_chunk": rng.random(),
            "gen_ai.request.stream": True,
            "gen_ai.request.max_tokens": 4096,
            "gen_ai.conversation.id": rng.randbytes(8).hex(),
            "user.id": f"user-{rng.randrange(5000)}",
            "finops.tenant.id": f"tenant-{rng.randrange(200)}",
            "finops.team": "support",
            "finops.feature": rng.choice(("answers", "search", "triage")),
            "finops.action.id": rng.randbytes(8).hex(),
            "finops.action.name": "answer ticket",
            "finops.request.id": rng.randbytes(8).hex(),
            "finops.request.attempt": 0,
            "finops.outcome": "ok",
        }
        began = time.time_ns() - rng.randrange(10**12)
        spans.append(
            Span(
                attributes,
                trace_id=seed.to_bytes(4, "big") + rng.randbytes(12),
                span_id=(number + 1).to_bytes(8, "big"),
                start_ns=began,
                end_ns=began + rng.randrange(10**10),
            )
        )
    return request(*spans, scope="inferledger", version="0.1.0")


def measure_door(bodies: Sequence[bytes]) -> float:
    """Spans per CPU-second of what is done to a body before it is written."""
    admit(bodies[0])
    figures = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for body in bodies[:16]:
            admit(body)
        figures.append(16 * SPANS / (time.process_time() - began))
    return median(figures)


def measure_receiver(
    folder: Path, installation: Installation, bodies: Sequence[bytes]
) -> tuple[float, Path]:
    """Spans acknowledged per CPU-second of the receiver; and the spool that it filled."""
    with collector(folder, installation) as receiver:
        receiver.start("--part", "receiver")
        receiver.wait_ready()
        send_all(receiver, bodies[:CONNECTIONS])
        assert receiver.process is not None
        figures = []
        for _ in range(ROUNDS):
            before = cpu_s(receiver.process.pid)
            send_all(receiver, bodies)
            figures.append(len(bodies) * SPANS / (cpu_s(receiver.process.pid) - before))
    return median(figures), receiver.spool


def measure_loading(ch: Warehouse, server: EmbeddedServer, spool: Path) -> float:
    """Spans per CPU-second of ClickHouse from sealed segments to calls."""
    figures = []
    while batch := next_batch(spool):
        before = cpu_s(server.process.pid)
        loaded = load(ch, batch, str(spool), datetime.now(UTC))
        figures.append(loaded.rows["spans"] / (cpu_s(server.process.pid) - before))
        finish(batch)
    return median(figures)


def measure_whole(
    folder: Path,
    installation: Installation,
    bodies: Sequence[bytes],
    ch: Warehouse,
    server: EmbeddedServer,
) -> tuple[float, float]:
    """Spans per CPU-second of receiver, loader and ClickHouse together, and the lag in seconds."""
    with collector(folder, installation, clickhouse_url=server.url) as whole:
        whole.start()
        whole.wait_ready()
        send_all(whole, [make_body(BODIES)])
        wait_for_calls(ch, SPANS)
        loader = whole.loader()
        assert whole.process is not None
        assert loader is not None
        pids = (whole.process.pid, loader, server.process.pid)
        before = sum(cpu_s(pid) for pid in pids)
        send_all(whole, bodies)
        sent_s = time.monotonic()
        wait_for_calls(ch, (len(bodies) + 1) * SPANS)
        lag_s = time.monotonic() - sent_s
        used_s = sum(cpu_s(pid) for pid in pids) - before
    return len(bodies) * SPANS / used_s, lag_s


def wait_for_calls(ch: Warehouse, wanted: int) -> None:
    until = time.monotonic() + WAIT_S
    while ch.query("SELECT count() AS n FROM calls")[0]["n"] < wanted:
        if time.monotonic() > until:
            raise TimeoutError("the calls never came")
        # Each look costs ClickHouse 2 ms of CPU, which isn't the collector's.
        time.sleep(0.25)


def send_all(to: Collector, bodies: Sequence[bytes]) -> None:
    """Send every body once over a few connections; each must be acknowledged."""
    statuses: list[int] = []

    def send(share: Sequence[bytes]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", to.port, timeout=60)
        headers = {"Content-Type": "application/x-protobuf", "Authorization": f"Bearer {to.key}"}
        for body in share:
            connection.request("POST", "/v1/traces", body, headers)
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
        connection.close()

    threads = [
        threading.Thread(target=send, args=(bodies[start::CONNECTIONS],))
        for start in range(CONNECTIONS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if statuses != [200] * len(bodies):
        raise RuntimeError(f"not every request was acknowledged: {statuses}")


def cpu_s(pid: int) -> float:
    """CPU time that a process and its threads have used, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS

"""MLflow and Phoenix beside us: spans taken and queryable per CPU-second of the whole process tree.

All three get the same requests over OTLP/HTTP from the same sender in the same run, with what they
store by default: SQLite for both peers, the embedded ClickHouse for us. A span counts once it is in
the store. Both are installed into a virtual environment of their own (.venv-peers). Peers do more
to a span than to store it (they work out cost, sessions, rollups of traces), and another database
than their default would do better: read the ratio as what each does as it comes.
"""

from __future__ import annotations

import http.client
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from finops.clickhouse.client import connect
from finops.clickhouse.migrate import Shape, bring_up_to_date
from finops.config import ROOT
from tests.bench.ingest import SPANS, TICKS, send_all, wait_for_calls
from tests.clickhouse_server import running
from tests.ingest.collector import collector, free_port, install
from tests.ingest.payloads import Span, request

VENV = ROOT / ".venv-peers"
PACKAGES = ("mlflow==3.17.2", "arize-phoenix==20.26.1")
SPANS_IN_TRACE = 8
START_S = 240
STORED_S = 240
# As many requests as each works through in about half a minute.
OUR_REQUESTS = 96
MLFLOW_REQUESTS = 8
PHOENIX_REQUESTS = 3


@dataclass(frozen=True)
class Peer:
    """A server of someone else: how it is started, asked, and where its spans are."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    headers: Mapping[str, str]
    database: Path
    requests: int


def measure(workdir: Path) -> list[tuple[str, float, str, str]]:
    """Return (name, value, unit, bar) of each figure."""
    install_peers()
    ours = measure_ours(workdir / "ours")
    unit = "spans per CPU-second"
    figures = [("ours: acknowledged and queryable, all processes", ours, unit, "at least 35,000")]
    for make, times in ((mlflow, 30), (phoenix, 150)):
        port = free_port()
        peer = make(workdir, port)
        theirs = measure_peer(peer, port, workdir)
        figures += [
            (f"{peer.name}: queryable, all processes", theirs, unit, ""),
            (f"ours / {peer.name}", ours / theirs, "times", f"at least {times}"),
        ]
    return figures


def install_peers() -> None:
    """Make the peers' environment, once."""
    done = VENV / "installed"
    if done.exists() and done.read_text() == " ".join(PACKAGES):
        return
    uv = str(Path(sys.executable).parent / "uv")
    subprocess.run([uv, "venv", "-q", "--clear", "-p", sys.executable, str(VENV)], check=True)
    python = str(VENV / "bin" / "python")
    subprocess.run([uv, "pip", "install", "-q", "-p", python, *PACKAGES], check=True)
    done.write_text(" ".join(PACKAGES))


def make_body(seed: int) -> bytes:
    """Return a request of 512 spans in traces of eight, a root and seven calls."""
    rng = random.Random(seed)
    spans = []
    for number in range(SPANS):
        if number % SPANS_IN_TRACE == 0:
            trace_id, root = rng.randbytes(16), rng.randbytes(8)
        began = time.time_ns() - rng.randrange(10**11)
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.system": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.response.model": "gpt-4o-2024-08-06",
            "gen_ai.response.id": f"chatcmpl-{rng.randbytes(12).hex()}",
            "gen_ai.response.finish_reasons": ["stop"],
            "gen_ai.usage.input_tokens": rng.randrange(200, 20_000),
            "gen_ai.usage.output_tokens": rng.randrange(50, 2_000),
            "gen_ai.usage.cache_read.input_tokens": rng.randrange(150),
            "gen_ai.usage.reasoning.output_tokens": rng.randrange(40),
            "gen_ai.response.time_to_first_chunk": rng.random(),
            "gen_ai.request.stream": True,
            "gen_ai.request.max_tokens": 4096,
            "gen_ai.request.temperature": 0.7,
            "gen_ai.conversation.id": rng.randbytes(8).hex(),
            "user.id": f"user-{rng.randrange(5000)}",
            "tenant.id": f"tenant-{rng.randrange(200)}",
            "server.address": "api.openai.com",
            "server.port": 443,
            "http.response.status_code": 200,
            "openai.response.service_tier": "default",
        }
        first = number % SPANS_IN_TRACE == 0
        spans.append(
            Span(
                attributes,
                trace_id=trace_id,
                span_id=root if first else rng.randbytes(8),
                parent_span_id=b"" if first else root,
                start_ns=began,
                end_ns=began + rng.randrange(10**10),
            )
        )
    return request(*spans, scope="bench", version="1")


def measure_ours(folder: Path) -> float:
    """Spans per CPU-second of receiver, loader and ClickHouse."""
    installation = install(folder / "installation")
    bodies = [make_body(seed) for seed in range(OUR_REQUESTS + 1)]
    with running(folder / "server", "--fsync") as server:
        ch = connect(server.url)
        bring_up_to_date(ch, Shape(), datetime.now(UTC))
        with collector(folder / "whole", installation, clickhouse_url=server.url) as whole:
            whole.start()
            whole.wait_ready()
            send_all(whole, bodies[:1])
            wait_for_calls(ch, SPANS)
            assert whole.process is not None
            pids = (whole.process.pid, server.process.pid)
            before = sum(map(tree_cpu_s, pids))
            send_all(whole, bodies[1:])
            wait_for_calls(ch, SPANS * len(bodies))
            used_s = sum(map(tree_cpu_s, pids)) - before
        ch.close()
    return OUR_REQUESTS * SPANS / used_s


def mlflow(workdir: Path, port: int) -> Peer:
    database = workdir / "mlflow.db"
    command = [
        *(str(VENV / "bin" / "mlflow"), "server", "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{database}", "--host", "127.0.0.1"),
        *("--port", str(port), "--artifacts-destination", str(workdir / "mlartifacts")),
    ]
    headers = {"x-mlflow-experiment-id": "0"}
    return Peer("MLflow", command, {}, headers, database, MLFLOW_REQUESTS)


def phoenix(workdir: Path, port: int) -> Peer:
    folder = workdir / "phoenix"
    folder.mkdir()
    environment = {
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(free_port()),
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    command = [str(VENV / "bin" / "phoenix"), "serve"]
    return Peer("Phoenix", command, environment, {}, folder / "phoenix.db", PHOENIX_REQUESTS)


def measure_peer(peer: Peer, port: int, workdir: Path) -> float:
    """Spans per CPU-second of the peer's processes, from the first request to the last span."""
    bodies = [make_body(10_000 + seed) for seed in range(peer.requests + 1)]
    with started(peer, workdir) as process:
        wait_for(lambda: answers(port), START_S)
        post(peer, port, bodies[0])
        wait_for(lambda: count_spans(peer.database) >= SPANS, STORED_S)
        before = tree_cpu_s(process.pid)
        for body in bodies[1:]:
            post(peer, port, body)
        # Where acknowledged spans are lost, what is there after the wait is what counts.
        with suppress(TimeoutError):
            wait_for(lambda: count_spans(peer.database) >= SPANS * len(bodies), STORED_S)
        used_s = tree_cpu_s(process.pid) - before
        return (count_spans(peer.database) - SPANS) / used_s


@contextmanager
def started(peer: Peer, workdir: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (workdir / f"{peer.name}.log").open("wb") as log:
        process = subprocess.Popen(
            peer.command,
            env={**os.environ, **peer.environment},
            cwd=workdir,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def post(peer: Peer, port: int, body: bytes) -> None:
    """Send traces; raises RuntimeError when they are refused."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=STORED_S)
    headers = {"Content-Type": "application/x-protobuf", **peer.headers}
    connection.request("POST", "/v1/traces", body, headers)
    response = connection.getresponse()
    response.read()
    connection.close()
    if response.status != 200:
        raise RuntimeError(f"{peer.name} answered {response.status}")


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with suppress(OSError, http.client.HTTPException), closing(connection):
        connection.request("GET", "/")
        return connection.getresponse().status < 500
    return False


def count_spans(database: Path) -> int:
    """How many spans a peer's database holds; 0 while it isn't there or is locked."""
    with (
        suppress(sqlite3.Error),
        closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db,
    ):
        return int(db.execute("SELECT count(*) FROM spans").fetchone()[0])
    return 0


def wait_for(there: Callable[[], bool], within_s: float) -> None:
    until = time.monotonic() + within_s
    while not there():
        if time.monotonic() > until:
            raise TimeoutError("a peer didn't get there in time")
        time.sleep(0.25)


def tree_cpu_s(root: int) -> float:
    """CPU time that a process and all that came from it have used, in seconds."""
    stats = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            stats[int(path.parent.name)] = (int(fields[1]), sum(map(int, fields[11:15])))
    used, tree = 0, [root]
    while tree:
        parent = tree.pop()
        used += stats.get(parent, (0, 0))[1]
        tree += [pid for pid, (above, _) in stats.items() if above == parent]
    return used / TICKS

"""All dialects mixed: what ClickHouse needs from segments to calls, beside a loop in Python.

The spans are those of the recordings, each dialect as often as any other, with new ids. The loop
(tests/ingest/oracle) does the same over the protobuf runtime's classes and inserts its columns; its
CPU is the client's and the server's together.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from finops.clickhouse.client import Warehouse, connect
from finops.clickhouse.migrate import Shape, bring_up_to_date
from ingest.admission import admit
from ingest.batch import finish, next_batch
from ingest.load import load
from ingest.record import Stamp, encode
from ingest.segments import SEALED, name_segment
from tests.bench.ingest import cpu_s
from tests.clickhouse_server import EmbeddedServer, running
from tests.ingest.oracle import columns_of
from tests.recordings import replay as recordings

SPANS = 512
REQUESTS = 192
REQUESTS_A_SEGMENT = 16
LOOPED = 8
ROUNDS = 3
WORKSPACE = 42


def measure(workdir: Path) -> list[tuple[str, float, str, str]]:
    """Return (name, value, unit, bar) of each figure."""
    bodies = mixed(REQUESTS)
    with running(workdir / "server", "--fsync") as server:
        ch = connect(server.url)
        bring_up_to_date(ch, Shape(), datetime.now(UTC))
        loop = median(measure_loop(ch, server, bodies[:LOOPED]) for _ in range(ROUNDS))
        spool = workdir / "spool"
        loading = median(measure_loading(ch, server, spool, bodies) for _ in range(ROUNDS))
        ch.close()
    unit = "spans per CPU-second"
    return [
        ("all dialects: decode and normalise", loading, unit, "at least 50,000"),
        ("all dialects: the same loop in Python", loop, unit, ""),
        ("all dialects: ClickHouse over Python", loading / loop, "times", "at least 2"),
    ]


def mixed(requests: int) -> list[bytes]:
    """Return requests of at least 512 spans of all dialects."""
    rng = random.Random(1)
    recorded: dict[str, list[ExportTraceServiceRequest]] = defaultdict(list)
    for name in recordings.names():
        for body in recordings.read(name).bodies():
            parsed = ExportTraceServiceRequest.FromString(admit(body).body)
            recorded[name.partition("/")[0]].append(parsed)
    return [one_request(rng, list(recorded.values())) for _ in range(requests)]


def one_request(
    rng: random.Random, dialects: Sequence[Sequence[ExportTraceServiceRequest]]
) -> bytes:
    request, spans = ExportTraceServiceRequest(), 0
    while spans < SPANS:
        part = ExportTraceServiceRequest()
        part.CopyFrom(rng.choice(rng.choice(dialects)))
        for process in part.resource_spans:
            for library in process.scope_spans:
                for span in library.spans:
                    span.trace_id, span.span_id = rng.randbytes(16), rng.randbytes(8)
                    spans += 1
        request.resource_spans.extend(part.resource_spans)
    return request.SerializeToString()


def measure_loading(
    ch: Warehouse, server: EmbeddedServer, spool: Path, bodies: Sequence[bytes]
) -> float:
    """Spans per CPU-second of ClickHouse when much waits; spans that are ignored count too."""
    spool.mkdir(exist_ok=True)
    now_ms = time.time_ns() // 10**6
    for first in range(0, len(bodies), REQUESTS_A_SEGMENT):
        name = name_segment(now_ms * 10**6 + first)
        with (spool / (name + SEALED)).open("wb") as file:
            for number, body in enumerate(bodies[first : first + REQUESTS_A_SEGMENT], first):
                stamp = Stamp(WORKSPACE, number, now_ms, admit(body).spans)
                file.write(encode(body, stamp))
    before, received = cpu_s(server.process.pid), 0
    while batch := next_batch(spool):
        received += load(ch, batch, str(spool), datetime.now(UTC)).received
        finish(batch)
    used_s = cpu_s(server.process.pid) - before
    for table in ("spans", "calls", "segments"):
        ch.command(f"TRUNCATE TABLE {table}")
    return received / used_s


def measure_loop(ch: Warehouse, server: EmbeddedServer, bodies: Sequence[bytes]) -> float:
    """The same of the loop: decode and map each request, then insert all into calls at once."""
    now_ms = time.time_ns() // 10**6
    spans = sum(admit(body).spans for body in bodies)
    before = time.process_time() + cpu_s(server.process.pid)
    columns: dict[str, list[Any]] = defaultdict(list)
    for number, body in enumerate(bodies):
        stamp = Stamp(WORKSPACE, number, now_ms, SPANS)
        for name, column in columns_of(body, stamp, "loop").items():
            columns[name] += column
    ch.insert("calls", columns, settings={"strings_as_bytes": True})
    used_s = time.process_time() + cpu_s(server.process.pid) - before
    ch.command("TRUNCATE TABLE calls")
    return spans / used_s

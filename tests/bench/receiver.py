"""The receiver alone: spans acknowledged per second of its CPU, by way and size, and its memory.

Everything is validated, synced to disk and acknowledged. CPU includes the kernel's part for sockets
and disk. The memory is the most that the process ever held, each load in a process of its own.
"""

from __future__ import annotations

import gzip
import http.client
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import grpc
import orjson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ingest.entrances import TRACES
from ingest.record import encode_varint
from tests.bench import ingest
from tests.ingest.collector import Collector, Installation, collector, free_port, install
from tests.ingest.payloads import Span, request
from tests.ingest.test_otlp_json import with_hex_ids

PROTOBUF = {"Content-Type": "application/x-protobuf"}
GZIP = {**PROTOBUF, "Content-Encoding": "gzip"}
JSON = {"Content-Type": "application/json"}
ROUNDS = 5
MIB = 1024**2
MEMORY_CONNECTIONS = 16

Send = Callable[[Collector, Sequence[bytes]], None]


def measure(workdir: Path) -> list[tuple[str, float, str, str]]:
    """Return (name, value, unit, bar) of each figure."""
    installation = install(workdir / "installation")
    large = [make_body(seed, 512) for seed in range(64)] * 4
    small = [make_body(seed, 8) for seed in range(64)] * 32
    rate = "spans per CPU-second"
    speeds = [
        ("HTTP, 512 spans a request", large, 512, by_http(PROTOBUF, 4), "at least 150,000"),
        ("HTTP, 8 spans a request", small, 8, by_http(PROTOBUF, 32), "at least 40,000"),
        ("HTTP, gzip, 512 spans", [*map(gzip.compress, large)], 512, by_http(GZIP, 4), ""),
        ("HTTP, JSON, 512 spans", [as_json(body) for body in large], 512, by_http(JSON, 4), ""),
        ("gRPC, 512 spans a request", large, 512, by_grpc(4), "at least 150,000"),
        ("gRPC, 8 spans a request", small, 8, by_grpc(32), ""),
    ]
    figures = []
    for number, (name, bodies, spans, send, bar) in enumerate(speeds):
        value, peak = measure_speed(workdir / str(number), installation, bodies, spans, send)
        figures += [(name, value, rate, bar), (f"{name}: memory", peak, "MiB", "under 200")]
    for name, body, headers in heavy_bodies():
        peak = measure_memory(workdir / name.replace(" ", "-"), installation, body, headers)
        figures.append((f"{MEMORY_CONNECTIONS} connections, {name}", peak, "MiB", "under 200"))
    return figures


def make_body(seed: int, spans: int) -> bytes:
    whole = ExportTraceServiceRequest.FromString(ingest.make_body(seed))
    del whole.resource_spans[0].scope_spans[0].spans[spans:]
    return whole.SerializeToString()


def as_json(body: bytes) -> bytes:
    return orjson.dumps(with_hex_ids(ExportTraceServiceRequest.FromString(body)))


def measure_speed(
    folder: Path, installation: Installation, bodies: Sequence[bytes], spans: int, send: Send
) -> tuple[float, float]:
    """Spans acknowledged per CPU-second of the receiver, and the most memory it held, in MiB."""
    with collector(folder, installation, otlp_grpc_port=str(free_port())) as receiver:
        pid = start(receiver)
        send(receiver, bodies[:64])
        figures = []
        for _ in range(ROUNDS):
            before = ingest.cpu_s(pid)
            send(receiver, bodies)
            figures.append(len(bodies) * spans / (ingest.cpu_s(pid) - before))
        return median(figures), peak_mib(pid)


def measure_memory(
    folder: Path, installation: Installation, body: bytes, headers: dict[str, str]
) -> float:
    """The most memory that the receiver held while all connections sent a heavy body, in MiB."""
    with collector(folder, installation) as receiver:
        pid = start(receiver)
        by_http(headers, MEMORY_CONNECTIONS, acknowledged=False)(
            receiver, [body] * MEMORY_CONNECTIONS * 2
        )
        return peak_mib(pid)


def heavy_bodies() -> list[tuple[str, bytes, dict[str, str]]]:
    """The largest bodies that are taken, and some that are made to be too large."""
    spans = [Span({"k": "v" * 7_000}, span_id=n.to_bytes(8, "big")) for n in range(1, 2_300)]
    whole = request(*spans)
    swarm = b"\x12\x00" * (15 * MIB)
    scope = b"\x12" + encode_varint(len(swarm)) + swarm
    empties = b'{"resourceSpans":[{"scopeSpans":[{"spans":[' + b"{}," * (10 * MIB) + b"{}]}]}]}"
    return [
        ("16 MB of protobuf", whole, PROTOBUF),
        ("30 MB of protobuf as gzip", gzip.compress(whole * 2, 1), GZIP),
        ("16 MB of JSON", as_json(request(*spans[:2_150])), JSON),
        ("a gzip bomb of 1 GB", gzip.compress(bytes(1024 * MIB), 9), GZIP),
        (
            "a gzip bomb of empty spans",
            gzip.compress(b"\x0a" + encode_varint(len(scope)) + scope),
            GZIP,
        ),
        ("a bomb of empty JSON", gzip.compress(empties), {**JSON, "Content-Encoding": "gzip"}),
    ]


def start(receiver: Collector) -> int:
    receiver.start("--part", "receiver")
    receiver.wait_ready()
    assert receiver.process is not None
    return receiver.process.pid


def peak_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def by_http(headers: dict[str, str], connections: int, acknowledged: bool = True) -> Send:
    """Return what sends every body once over a few connections, each refusal being an error."""

    def send(to: Collector, bodies: Sequence[bytes]) -> None:
        def one(share: Sequence[bytes]) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", to.port, timeout=120)
            for body in share:
                connection.request(
                    "POST", TRACES.path, body, {**headers, "Authorization": f"Bearer {to.key}"}
                )
                response = connection.getresponse()
                response.read()
                if acknowledged and response.status != 200:
                    raise RuntimeError(f"not acknowledged: {response.status}")
            connection.close()

        in_threads(one, bodies, connections)

    return send


def by_grpc(connections: int) -> Send:
    def send(to: Collector, bodies: Sequence[bytes]) -> None:
        address = f"127.0.0.1:{to.settings['otlp_grpc_port']}"

        def one(share: Sequence[bytes]) -> None:
            apart = [("grpc.use_local_subchannel_pool", 1)]
            with grpc.insecure_channel(address, options=apart) as channel:
                export: Any = channel.unary_unary(TRACES.method)
                for body in share:
                    export(body, metadata=(("authorization", f"Bearer {to.key}"),), timeout=120)

        in_threads(one, bodies, connections)

    return send


def in_threads(
    one: Callable[[Sequence[bytes]], None], bodies: Sequence[bytes], threads: int
) -> None:
    """Share the bodies out; raises the first error of any share."""
    errors: list[BaseException] = []

    def guarded(share: Sequence[bytes]) -> None:
        try:
            one(share)
        except (OSError, RuntimeError, grpc.RpcError, http.client.HTTPException) as error:
            errors.append(error)

    running = [
        threading.Thread(target=guarded, args=(bodies[first::threads],)) for first in range(threads)
    ]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    if errors:
        raise errors[0]

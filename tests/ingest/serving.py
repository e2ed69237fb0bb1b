"""A real receiver on a free port, in a thread of the test's process."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from finops.accounts.keys import KeyIdentity
from ingest.answer import Status
from ingest.body import Limits
from ingest.entrances import ENTRANCES
from ingest.exposition import Exposition
from ingest.health import Health
from ingest.identity import Identities
from ingest.intake import Intake
from ingest.rates import Rates
from ingest.receiver import Receiver
from ingest.record import Record, read_records
from ingest.segments import OPEN, SEALED
from ingest.serve import bind, make_server
from ingest.spool import Spool
from ingest.tls import Certificate

KEY = "ilk_sender"
KEYS = {
    KEY: KeyIdentity(1, 42, "shop", frozenset({"ingest"})),
    "ilk_reader": KeyIdentity(2, 42, "shop", frozenset({"read"})),
}
LIMITS = Limits(body_bytes=64 * 1024, decoded_bytes=256 * 1024, read_timeout_s=1.0)
WAIT_S = 30
PROTOBUF = "application/x-protobuf"


@dataclass
class Reply:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def error(self) -> tuple[int, str]:
        """Code and message of the google.rpc.Status in the body."""
        status = Status.FromString(self.body)
        return status.code, status.message

    @property
    def partial(self) -> tuple[int, str]:
        partial = ExportTraceServiceResponse.FromString(self.body).partial_success
        return partial.rejected_spans, partial.error_message

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Serving:
    """A receiver that runs."""

    port: int
    grpc_port: int
    folder: Path
    intake: Intake
    headers: Mapping[str, str] = field(
        default_factory=lambda: {"Content-Type": PROTOBUF, "Authorization": f"Bearer {KEY}"}
    )

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)

    def send(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        connection = self.connect()
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        reply = Reply(response.status, dict(response.getheaders()), response.read())
        connection.close()
        return reply

    def post(self, body: Any, path: str = "/v1/traces", **headers: str | None) -> Reply:
        """POST traces, or another signal; headers by name with underscores, None leaves one out."""
        given = dict(self.headers)
        for name, value in headers.items():
            given.pop(proper := name.replace("_", "-").title(), None)
            if value is not None:
                given[proper] = value
        return self.send("POST", path, body, given)


def stored(folder: Path) -> list[Record]:
    """Return what a spool holds, whether sealed or not."""
    files = sorted(path for path in folder.iterdir() if path.suffix in (OPEN, SEALED))
    return [record for path in files for record in read_records(path.read_bytes())]


@contextmanager
def serving(
    folder: Path,
    max_bytes: int = 10**8,
    limits: Limits = LIMITS,
    *,
    rates: Rates | None = None,
    certificate: Certificate | None = None,
    keys: Mapping[str, KeyIdentity] | None = None,
) -> Iterator[Serving]:
    """Run both receivers over the spools in `folder`."""
    spools = {
        entrance.name: Spool(folder / entrance.folder, max_bytes)
        for entrance in ENTRANCES
        if entrance.folder is not None
    }
    for spool in spools.values():
        spool.start()
    intake = Intake(spools, Identities((keys or KEYS).get), limits, rates)
    exposition = Exposition(intake.counts, folder)
    receiver = Receiver(intake, Health(folder, max_bytes), exposition)
    server = make_server(receiver, certificate)
    server.grpc_address = "127.0.0.1:0"
    server.grpc_max_message_bytes = limits.body_bytes
    listener = bind("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        until = time.monotonic() + WAIT_S
        while not server.started and time.monotonic() < until:
            time.sleep(0.01)
        yield Serving(listener.getsockname()[1], server.grpc_port, folder, intake)
    finally:
        server.should_exit = True
        thread.join(WAIT_S)
        for spool in spools.values():
            spool.close()
        listener.close()

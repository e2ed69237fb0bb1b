"""A local OTLP/HTTP receiver that keeps what it is sent, in order."""

from __future__ import annotations

import gzip
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    """One request: `path` says the signal; the body is no longer compressed."""

    path: str
    content_type: str
    body: bytes


class Sink:
    """The server, on a free port of the loopback."""

    def __init__(self, port: int = 0) -> None:
        self.received: list[Received] = []
        self.lock = threading.Lock()
        sink = self

        class Door(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = read_body(self)
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                kind = self.headers.get("content-type", "").partition(";")[0]
                with sink.lock:
                    sink.received.append(Received(self.path.partition("?")[0], kind, body))
                answer = b"{}" if kind == "application/json" else b""
                self.send_response(200)
                self.send_header("content-type", kind or "application/x-protobuf")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Door)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def take(self) -> list[Received]:
        """Return what came since the last time."""
        with self.lock:
            received, self.received = self.received, []
        return received


def read_body(door: BaseHTTPRequestHandler) -> bytes:
    if "chunked" not in door.headers.get("transfer-encoding", ""):
        return door.rfile.read(int(door.headers.get("content-length", 0)))
    parts = []
    while size := int(door.rfile.readline().split(b";")[0], 16):
        parts.append(door.rfile.read(size))
        door.rfile.readline()
    door.rfile.readline()
    return b"".join(parts)

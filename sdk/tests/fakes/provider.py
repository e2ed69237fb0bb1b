"""A provider's HTTP API on loopback: each path has a queue of scripted answers."""

from __future__ import annotations

import json
import threading
from collections import defaultdict, deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True)
class Reply:
    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0


def json_reply(body: Any, status: int = 200, *, delay_s: float = 0.0) -> Reply:
    return Reply(
        json.dumps(body).encode(), status, {"Content-Type": "application/json"}, delay_s=delay_s
    )


def event_stream(events: list[Any], *, named: bool = False, done: bool = False) -> Reply:
    """Server-sent events; `named` as Anthropic sends them, `done` as OpenAI ends them."""
    lines = []
    for event in events:
        name = f"event: {event['type']}\n" if named else ""
        lines.append(f"{name}data: {json.dumps(event)}\n\n")
    if done:
        lines.append("data: [DONE]\n\n")
    return Reply("".join(lines).encode(), 200, {"Content-Type": "text/event-stream"})


class Provider:
    """Serves the replies queued for a path in order; a path without one answers 404."""

    def __init__(self) -> None:
        self.replies: dict[str, deque[Reply]] = defaultdict(deque)
        self._ended = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.answer(self)

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()

    def say(self, path: str, *replies: Reply) -> None:
        self.replies[path].extend(replies)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        queue = self.replies[handler.path.partition("?")[0]]
        reply = queue.popleft() if queue else json_reply({"error": {"message": "no reply"}}, 404)
        self._ended.wait(reply.delay_s)
        try:
            handler.send_response(reply.status)
            for name, value in reply.headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(reply.body)))
            handler.end_headers()
            handler.wfile.write(reply.body)
        except OSError:
            return  # The client went away.

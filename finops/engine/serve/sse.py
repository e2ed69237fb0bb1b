"""Server-sent events, as OpenAI streams them."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

DONE = b"data: [DONE]\n\n"
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # proxies would gather what should be seen at once
]


def event(body: Mapping[str, object]) -> bytes:
    """One event."""
    return b"data: " + orjson.dumps(body) + b"\n\n"

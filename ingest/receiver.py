"""The OTLP/HTTP receiver, as a bare ASGI application.

A request is authenticated before its body is read, cleaned, spooled, and acknowledged when it is on
disk. Every refusal is one of errors.py; nothing of a refused request is kept.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import structlog

from ingest.admission import Admission, admit
from ingest.answer import PROTOBUF, Answer, accepted, refused
from ingest.body import ClientGone, Limits, Memory, Receive, decode, read_body
from ingest.errors import Busy, NotServed, Refused, TooLarge, WrongContentType, WrongMethod
from ingest.identity import Identities
from ingest.pieces import PIECE_BYTES
from ingest.record import Stamp, encode
from ingest.spool import Spool

TRACES = "/v1/traces"
HEALTH = "/healthz"
MEMORY_BYTES = 512 * 1024**2

Scope = MutableMapping[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Health = Callable[[Mapping[str, int]], Awaitable[Answer]]

log = structlog.get_logger(__name__)


class Receipts:
    """Numbers for requests, rising, and unique in one receiver: the clock, never standing still."""

    def __init__(self, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._clock_ns = clock_ns
        self._last = 0

    def next(self) -> int:
        """Return nanoseconds since 1970, later than any returned before."""
        self._last = max(self._last + 1, self._clock_ns())
        return self._last


class Receiver:
    """Serves POST /v1/traces and GET /healthz."""

    def __init__(
        self, spool: Spool, identities: Identities, limits: Limits, health: Health
    ) -> None:
        self.spool = spool
        self.identities = identities
        self.limits = limits
        self.health = health
        self.memory = Memory(MEMORY_BYTES)
        self.large = ThreadPoolExecutor(max_workers=1, thread_name_prefix="large")
        self.receipts = Receipts()
        self.counts: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            status, headers, body = await self.answer(scope, receive)
        except ClientGone:
            return
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def answer(self, scope: Scope, receive: Receive) -> Answer:
        """Do what the request asks and return the answer to it."""
        try:
            if scope["path"] == TRACES:
                return await self.take_traces(scope, receive)
            if scope["path"] == HEALTH:
                require_method(scope, "GET", "HEAD")
                return await self.health(self.counts)
            raise NotServed(f"Send OTLP traces to {TRACES}; nothing else is served here.")
        except ClientGone:
            self.counts["clients_gone"] += 1
            raise
        except Refused as error:
            self.counts[f"refused_{error.status}"] += 1
            log.debug("refused", status=error.status, reason=str(error))
            return refused(error)
        except Exception:
            self.counts["failed"] += 1
            log.exception("request_failed")
            return refused(Busy("The collector failed on this request; it is in its log.", 30))

    async def take_traces(self, scope: Scope, receive: Receive) -> Answer:
        """Store the spans of one request; returns only when they are on disk."""
        require_method(scope, "POST")
        headers: dict[bytes, bytes] = dict(scope["headers"])
        identity = await self.identities.authenticate(headers)
        content_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if content_type != PROTOBUF:
            raise WrongContentType(
                "Content-Type must be application/x-protobuf; set the exporter's protocol to "
                "http/protobuf."
            )
        encoding = headers.get(b"content-encoding", b"").strip().lower()
        body = await read_body(receive, headers, self.limits, self.memory)
        admission = await self.admit(body, encoding)
        if admission.spans:
            await self.store(identity.workspace_id, admission)
        self.count(admission)
        return accepted(admission.rejected, admission.reason)

    async def admit(self, body: bytes, encoding: bytes) -> Admission:
        """Check and clean a body: at once if it is small, else in a thread, one after the other.

        So others are answered meanwhile, and only one large body is ever held decoded.
        """
        limit = self.limits.decoded_bytes
        small = None
        if len(body) <= PIECE_BYTES:
            with suppress(TooLarge):
                small = decode(body, encoding, PIECE_BYTES)
        if small is not None and len(small) <= limit:
            return admit(small)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.large, lambda: admit(decode(body, encoding, limit)))

    async def store(self, workspace_id: int, admission: Admission) -> None:
        receipt = self.receipts.next()
        stamp = Stamp(workspace_id, receipt, receipt // 1_000_000, admission.spans)
        await asyncio.wrap_future(self.spool.append(encode(admission.body, stamp)))

    def count(self, admission: Admission) -> None:
        counts = self.counts
        counts["requests"] += 1
        counts["spans"] += admission.spans
        counts["spans_rejected"] += admission.rejected
        counts["content_dropped"] += admission.content_dropped
        counts["attributes_dropped"] += admission.attributes_dropped


def require_method(scope: Scope, *methods: str) -> None:
    if scope["method"] not in methods:
        raise WrongMethod(f"Use {methods[0]} for {scope['path']}.")

"""The OTLP/HTTP receiver, as a bare ASGI application.

A request is authenticated before its body is read, cleaned, spooled, and acknowledged when it is on
disk. Every refusal is one of errors.py; nothing of a refused request is kept.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import structlog

from ingest.answer import JSON, PROTOBUF, Answer, accepted, accepted_json, refused
from ingest.body import ClientGone, Held, Receive, read_body
from ingest.entrances import ENTRANCES, Entrance
from ingest.errors import Busy, NotServed, Refused, WrongContentType, WrongMethod
from ingest.exposition import PATH as METRICS
from ingest.exposition import Exposition
from ingest.intake import Intake
from ingest.protocol import BODY_IS_HERE

HEALTH = "/healthz"
BY_PATH = {
    path: entrance for entrance in ENTRANCES for path in (entrance.path, entrance.path + "/")
}
# What exporters of OTLP/protobuf are known to say.
IN_JSON = {PROTOBUF: False, b"application/protobuf": False, JSON: True}

Scope = MutableMapping[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Health = Callable[[], Awaitable[Answer]]

log = structlog.get_logger(__name__)


class Receiver:
    """Serves POST /v1/traces, /v1/metrics and /v1/logs, and GET /healthz and /metrics."""

    def __init__(self, intake: Intake, health: Health, exposition: Exposition) -> None:
        self.intake = intake
        self.health = health
        self.exposition = exposition

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
        entrance = BY_PATH.get(scope["path"])
        headers: dict[bytes, bytes] = dict(scope["headers"])
        try:
            if entrance is not None:
                return await self.take(entrance, scope, headers, receive)
            if scope["path"] == HEALTH:
                require_method(scope, "GET", "HEAD")
                return await self.health()
            if scope["path"] == METRICS:
                require_method(scope, "GET", "HEAD")
                return await self.exposition(scope)
            raise NotServed(f"Send OTLP to {', '.join(served.path for served in ENTRANCES)}.")
        except ClientGone:
            self.intake.counts["clients_gone"] += 1
            raise
        except Refused as error:
            self.intake.count_refusal(entrance, error)
            log.debug("refused", status=error.status, reason=str(error))
            return refused(error, content_type(headers) == JSON)
        except Exception:
            self.intake.counts["failed"] += 1
            log.exception("request_failed")
            return refused(Busy("The collector failed on this request; it is in its log.", 30))

    async def take(
        self, entrance: Entrance, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive
    ) -> Answer:
        """Store what one request holds; returns only when it is on disk."""
        require_method(scope, "POST")
        intake = self.intake
        identity = await intake.identify(entrance, headers)
        encoding = headers.get(b"content-encoding", b"").strip().lower()
        here = BODY_IS_HERE in scope
        try:
            in_json = is_json(headers)
            with Held(intake.memory, identity.workspace_id) as held:
                body = await read_body(receive, headers, intake.limits, held, is_here=here)
                admission = await intake.take(
                    entrance, identity, body, encoding, held, in_json=in_json
                )
        except Refused as error:
            intake.tell(entrance, identity, error)
            raise
        if in_json:
            told = accepted_json(entrance, admission.rejected, admission.reason)
            return 200, [(b"content-type", JSON)], told
        told = accepted(entrance, admission.rejected, admission.reason)
        return 200, [(b"content-type", PROTOBUF)], told


def is_json(headers: Mapping[bytes, bytes]) -> bool:
    """Say whether a body is OTLP's JSON and not protobuf; raises WrongContentType for others."""
    try:
        return IN_JSON[content_type(headers)]
    except KeyError:
        raise WrongContentType(
            "Content-Type must be application/x-protobuf or application/json; set the exporter's "
            "protocol to http/protobuf."
        ) from None


def content_type(headers: Mapping[bytes, bytes]) -> bytes:
    return headers.get(b"content-type", b"").partition(b";")[0].strip().lower()


def require_method(scope: Scope, *methods: str) -> None:
    if scope["method"] not in methods:
        raise WrongMethod(f"Use {methods[0]} for {scope['path']}.", ", ".join(methods))

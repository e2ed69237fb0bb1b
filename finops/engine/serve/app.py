"""The server's routes, as a bare ASGI application."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping

import orjson
import structlog

from finops.engine.serve.body import Receive, Scope, Send
from finops.engine.serve.errors import (
    ClientGone,
    EngineFailed,
    NotFound,
    Refused,
    Unauthorized,
    WrongMethod,
)
from finops.engine.serve.exchange import JSON, Exchange
from finops.engine.serve.metrics import CONTENT_TYPE
from finops.engine.serve.openai_answers import error_body, models_body
from finops.engine.serve.openai_requests import Asked, ChatAsked, CompletionAsked
from finops.engine.serve.service import Service

TEXTS: dict[str, type[Asked]] = {
    "/v1/chat/completions": ChatAsked,
    "/v1/completions": CompletionAsked,
}
MODELS = "/v1/models"
Reply = tuple[int, list[tuple[bytes, bytes]], bytes]

log = structlog.get_logger(__name__)


class App:
    """Serves /v1/chat/completions, /v1/completions, /v1/models, /metrics and /health.

    Where the service has a key, /v1 wants it as a bearer token, as vLLM does; `drain_s` is how long
    the engine may take to finish at the end.
    """

    def __init__(self, service: Service, drain_s: float = 30.0) -> None:
        self.service = service
        self.drain_s = drain_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.live(receive, send)
        elif scope["type"] == "http":
            await self.answer(scope, receive, send)

    async def live(self, receive: Receive, send: Send) -> None:
        """Start and stop the engine with the server."""
        await receive()
        self.service.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await asyncio.to_thread(self.service.live.close, self.drain_s)
        await send({"type": "lifespan.shutdown.complete"})

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; what is refused is answered in OpenAI's form."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        exchange = Exchange(self.service, scope, headers, receive, send)
        try:
            self.authorize(scope["path"], headers)
            form = TEXTS.get(scope["path"])
            if form is not None:
                require_method(scope, "POST")
                await exchange.run(form)
                return
            reply = self.look_up(scope)
        except ClientGone:
            return
        except Refused as error:
            reply = refusal(error)
        except Exception:
            log.exception("request_failed", path=scope["path"])
            reply = refusal(EngineFailed("The server failed on this request; it is in its log."))
        if not exchange.began:
            await reply_with(send, reply)

    def authorize(self, path: str, headers: Mapping[bytes, bytes]) -> None:
        """Raise Unauthorized unless the key is right, where one is wanted."""
        key = self.service.api_key
        if not key or not path.startswith("/v1"):
            return
        given = headers.get(b"authorization", b"").removeprefix(b"Bearer ")
        if not hmac.compare_digest(given, key.encode()):
            raise Unauthorized("Send this server's key as a bearer token.")

    def look_up(self, scope: Scope) -> Reply:
        """Answer what needs no engine."""
        path: str = scope["path"]
        routes: dict[str, Callable[[], Reply]] = {
            MODELS: lambda: as_json(models_body(self.service.models())),
            "/metrics": lambda: (
                200,
                [(b"content-type", CONTENT_TYPE)],
                self.service.metrics.expose(),
            ),
            "/health": self.health,
        }
        if path.startswith(MODELS + "/"):
            require_method(scope, "GET", "HEAD")
            self.service.require_model(path.removeprefix(MODELS + "/"))
            return as_json(self.service.models()[0])
        if path not in routes:
            raise NotFound(f"{path} isn't here; ask {', '.join((*TEXTS, *routes))}.")
        require_method(scope, "GET", "HEAD")
        return routes[path]()

    def health(self) -> Reply:
        """200 while the engine runs."""
        return as_json({"status": "ok"}) if self.service.live.well else as_json({}, 503)


def as_json(body: object, status: int = 200) -> Reply:
    return status, list(JSON), orjson.dumps(body)


def refusal(error: Refused) -> Reply:
    """A refusal in OpenAI's form."""
    status, headers, body = as_json(error_body(error), error.status)
    if error.retry_after_s:
        headers.append((b"retry-after", str(error.retry_after_s).encode()))
    if isinstance(error, WrongMethod) and error.param:
        headers.append((b"allow", error.param.encode()))
    return status, headers, body


async def reply_with(send: Callable[[dict[str, object]], Awaitable[None]], reply: Reply) -> None:
    """Send a whole reply."""
    status, headers, body = reply
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def require_method(scope: Scope, *methods: str) -> None:
    if scope["method"] not in methods:
        allowed = ", ".join(methods)
        raise WrongMethod(f"Use {methods[0]} for {scope['path']}.", allowed)

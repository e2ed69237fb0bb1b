"""One request for text, from its body to its last byte, and what is recorded of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

import orjson

from finops.engine.serve.body import Receive, Scope, Send, disconnected, read_body
from finops.engine.serve.errors import ClientGone, DeadlinePassed, EngineFailed, Refused
from finops.engine.serve.ledger import Arrived, Ended
from finops.engine.serve.openai_answers import Answer, Usage, error_body
from finops.engine.serve.openai_requests import Asked, ChatAsked, read_asked
from finops.engine.serve.service import Service
from finops.engine.serve.serving import ANSWERED, End, Piece, Serving
from finops.engine.serve.sse import DONE, HEADERS, event

JSON = [(b"content-type", b"application/json")]
Headers = Mapping[bytes, bytes]


class Exchange:
    """Serves one request. Its client may leave at any time; then its blocks are free at once."""

    def __init__(
        self, service: Service, scope: Scope, headers: Headers, receive: Receive, send: Send
    ) -> None:
        self.service = service
        self.headers = headers
        self.receive = receive
        self.wire = send
        self.client = (scope.get("client") or ("",))[0]
        self.clock = service.clock
        self.at, self.at_ps = self.clock.wall(), self.clock.now_ps()
        self.last_sent_ps = self.at_ps
        self.began = False
        self.gone = False

    async def run(self, form: type[Asked]) -> None:
        """Answer; raises Refused before the first byte was sent, and ClientGone."""
        limits = self.service.limits
        body = await read_body(self.receive, self.headers, limits.body_bytes, limits.read_s)
        asked = read_asked(form, body)
        ready = await self.service.make_ready(asked, len(body))
        attempts = self.service.attempts
        attempt = attempts.place(self.headers, self.client, body, self.clock.now_ps())
        self.asked = asked
        self.arrived = Arrived(self.headers, self.at, self.at_ps, attempt)
        prefix = "chatcmpl" if isinstance(asked, ChatAsked) else "cmpl"
        self.answer = Answer(
            f"{prefix}-{self.service.draw()}",
            self.service.offer.model,
            int(self.at.timestamp()),
            isinstance(asked, ChatAsked),
        )
        try:
            self.serving, self.pieces = self.service.submit(asked, ready)
        except Refused as error:
            self.record(None, refused=error.code)
            raise
        await self.follow()

    async def follow(self) -> None:
        """Send what the engine makes, for as long as the client stays."""
        serving, service = self.serving, self.service
        watcher = asyncio.create_task(disconnected(self.receive))
        watcher.add_done_callback(lambda _: self.pieces.put_nowait(None))
        silent_ps = 0
        try:
            await (self.stream() if self.asked.stream else self.whole())
        except (ClientGone, asyncio.CancelledError):  # or we are stopped ourselves
            self.gone = True
            silent_ps = self.clock.now_ps() - self.last_sent_ps
            service.live.cancel(serving)
            await self.last_piece()
            raise
        finally:
            watcher.cancel()
            del service.queues[serving]
            if serving.end in ANSWERED and not self.gone:
                service.attempts.answered(self.arrived.attempt)
            self.record(serving, silent_ps=silent_ps)

    async def texts(self) -> AsyncIterator[Piece]:
        """Pieces until the last; raises ClientGone."""
        while True:
            piece = await self.pieces.get()
            if piece is None:
                raise ClientGone
            yield piece
            if piece.end is not None:
                return

    async def last_piece(self) -> None:
        """Wait until the engine has let go, so that what was used is known."""
        while self.serving.end is None:
            await self.pieces.get()

    async def whole(self) -> None:
        """Send the answer in one piece."""
        parts = []
        async for piece in self.texts():
            parts.append(piece.text)
        end = require_answer(self.serving)
        body = self.answer.whole("".join(parts), end, self.usage)
        await self.begin(JSON)
        await self.send(orjson.dumps(body), more=False)

    async def stream(self) -> None:
        """Send the answer as it comes. Headers go with the first text: until then it may fail."""
        async for piece in self.texts():
            if not self.began:
                if piece.end is not None:
                    require_answer(self.serving)
                await self.begin(HEADERS)
                if (first := self.answer.first()) is not None:
                    await self.send(event(first))
            if piece.text:
                await self.send(event(self.answer.piece(piece.text)))
        try:
            await self.send(event(self.answer.last(require_answer(self.serving))))
        except Refused as error:
            await self.send(event(error_body(error)), more=False)
            return
        if self.asked.include_usage:
            await self.send(event(self.answer.usage(self.usage)))
        await self.send(DONE, more=False)

    @property
    def usage(self) -> Usage:
        seq = self.serving.seq
        return Usage(seq.prompt, seq.cached, seq.generated)

    async def begin(self, headers: list[tuple[bytes, bytes]]) -> None:
        self.began = True
        named = (b"x-request-id", self.arrived.attempt.request_id.encode("latin-1"))
        await self.wire(
            {"type": "http.response.start", "status": 200, "headers": [*headers, named]}
        )

    async def send(self, body: bytes, *, more: bool = True) -> None:
        """Send bytes; a client that doesn't read them in time is as good as gone."""
        try:
            async with asyncio.timeout(self.service.limits.send_s):
                await self.wire({"type": "http.response.body", "body": body, "more_body": more})
        except TimeoutError:
            raise ClientGone from None
        self.last_sent_ps = self.clock.now_ps()

    def record(self, serving: Serving | None, *, silent_ps: int = 0, refused: str = "") -> None:
        if self.service.record is None:
            return
        end: End | None = None if serving is None else serving.end
        if self.gone:
            end = "cancelled"
        now = self.clock.now_ps()
        ended = Ended(end, now, silent_ps, self.answer.id, refused)
        self.service.record(self.asked, self.arrived, ended, serving)


def require_answer(serving: Serving) -> str:
    """Why an answer ended; raises DeadlinePassed or EngineFailed where there is none."""
    if serving.end in ANSWERED:
        return str(serving.end)
    if serving.end == "timeout":
        raise DeadlinePassed("The answer took longer than this server allows.", retry_after_s=1)
    raise EngineFailed("The engine failed on this request; it is in the server's log.")

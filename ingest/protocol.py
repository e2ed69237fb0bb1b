"""HTTP/1.1 as uvicorn speaks it, with an end to patience: headers must come soon and be small.

Uvicorn bounds neither, so one client could hold connections open, or fill the memory, without ever
showing a key.
"""

from __future__ import annotations

import asyncio
from asyncio.events import TimerHandle

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADERS_WITHIN_S = 10.0
MAX_HEADER_BYTES = 32 * 1024
# In the scope of a request whose body has come whole: reading it can't take long.
BODY_IS_HERE = "inferledger.body_is_here"


class PromptProtocol(HttpToolsProtocol):
    """A connection that is closed when its headers are late or too large.

    Most headers come whole in one packet; only those that don't are timed and counted.
    """

    _header_bytes = 0
    _in_headers = False
    _patience: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_headers:
            self._header_bytes += len(data)
            if self._header_bytes > MAX_HEADER_BYTES:
                self.transport.abort()
            elif self._patience is None:
                self._await_headers()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_headers = True
        self._header_bytes = 0

    def on_headers_complete(self) -> None:
        self._in_headers = False
        self._stop_waiting()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self.scope[BODY_IS_HERE] = True  # type: ignore[literal-required]
        super().on_message_complete()

    def _await_headers(self) -> None:
        self._patience = self.loop.call_later(HEADERS_WITHIN_S, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

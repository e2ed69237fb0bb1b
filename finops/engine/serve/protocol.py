"""HTTP/1.1 as uvicorn speaks it, with bounds for headers, which uvicorn has not."""

from __future__ import annotations

import asyncio
from asyncio.events import TimerHandle

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADERS_WITHIN_S = 10.0
MAX_HEADER_BYTES = 32 * 1024


class BoundedProtocol(HttpToolsProtocol):
    """A connection that is closed when a request's headers are late or too large."""

    _header_bytes = 0
    _in_headers = True
    _patience: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._be_patient()

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
                self._be_patient()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_headers = True
        self._header_bytes = 0

    def on_headers_complete(self) -> None:
        self._in_headers = False
        self._stop_waiting()
        super().on_headers_complete()

    def _be_patient(self) -> None:
        self._patience = self.loop.call_later(HEADERS_WITHIN_S, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

"""The packets on their way to one client."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field

from finops.clickhouse.embedded import packets
from finops.clickhouse.embedded.block import Columns, wire_header
from finops.clickhouse.embedded.compression import compress
from finops.clickhouse.embedded.errors import ClientGone, QueryError

ENOUGH_BYTES = 1 << 16
PIECE_BYTES = 1 << 20
SIGN_OF_LIFE = packets.progress(packets.Totals())


@dataclass
class Outbox:
    """Collects small packets and sends them together."""

    sock: socket.socket
    compressed: bool = False
    _parts: list[bytes] = field(default_factory=list)
    _size: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, *parts: bytes) -> None:
        """Add one whole packet; a large part goes out at once, without being copied."""
        with self._lock:
            for part in parts:
                if len(part) >= ENOUGH_BYTES:
                    self._send()
                    self._send_large(part)
                    continue
                self._parts.append(part)
                self._size += len(part)
                if self._size >= ENOUGH_BYTES:
                    self._send()

    def put_block(self, parts: list[bytes]) -> None:
        """Send a data packet, compressed when the query asked for it."""
        self.put(packets.data_head(), *([compress(b"".join(parts))] if self.compressed else parts))

    def put_header(self, columns: Columns) -> None:
        """Send names and types without rows; without columns it is the end of the data."""
        self.put_block(wire_header(columns))

    def put_profile_events(self) -> None:
        """Answer one block of an INSERT, as the protocol asks; there are no events to tell."""
        self.put(packets.data_head(packets.S_PROFILE_EVENTS), *wire_header([]))

    def put_error(self, error: QueryError) -> None:
        self.put(packets.exception(error.code, str(error)))

    def flush(self) -> None:
        """Hand everything to the kernel; ClientGone when nobody reads it."""
        with self._lock:
            self._send()

    def keep_alive(self) -> None:
        """From another thread, while a query runs: send what waits and a sign of life.

        Clients give up after minutes of silence. Nothing blocks here: what doesn't fit in the
        socket's buffer stays for later.
        """
        if not self._lock.acquire(blocking=False):
            return
        try:
            if self._size < ENOUGH_BYTES:
                data = b"".join(self._parts) + SIGN_OF_LIFE
                with suppress(OSError):  # the socket has a timeout, so its descriptor never waits
                    data = data[os.write(self.sock.fileno(), data) :]
                self._parts, self._size = [data], len(data)
        finally:
            self._lock.release()

    def _send(self) -> None:
        data, self._parts, self._size = b"".join(self._parts), [], 0
        self._send_large(data)

    def _send_large(self, data: bytes) -> None:
        """Send in pieces, since the socket's timeout is for each."""
        view = memoryview(data)
        try:
            for start in range(0, len(view), PIECE_BYTES):
                self.sock.sendall(view[start : start + PIECE_BYTES])
        except OSError as error:
            raise ClientGone(f"The client doesn't read its answer: {error}") from None

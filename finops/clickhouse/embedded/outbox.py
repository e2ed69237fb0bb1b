"""The packets on their way to one client."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field

from finops.clickhouse.embedded import packets
from finops.clickhouse.embedded.block import Columns, wire_header
from finops.clickhouse.embedded.compression import compress
from finops.clickhouse.embedded.errors import ClientGone, QueryError

ENOUGH_BYTES = 1 << 16


@dataclass
class Outbox:
    """Collects small packets and sends them together."""

    sock: socket.socket
    compressed: bool = False
    _parts: list[bytes] = field(default_factory=list)
    _size: int = 0

    def put(self, *parts: bytes) -> None:
        """Add a packet; a large part goes out at once, without being copied."""
        for part in parts:
            if len(part) >= ENOUGH_BYTES:
                self.flush()
                self._send(part)
                continue
            self._parts.append(part)
            self._size += len(part)
            if self._size >= ENOUGH_BYTES:
                self.flush()

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
        data, self._parts, self._size = b"".join(self._parts), [], 0
        self._send(data)

    def _send(self, data: bytes) -> None:
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise ClientGone(f"The client doesn't read its answer: {error}") from None

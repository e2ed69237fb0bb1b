"""Running the statements that need no rows from the client, and answering with theirs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain

from finops.clickhouse.embedded import packets
from finops.clickhouse.embedded.block import Columns, wire_block
from finops.clickhouse.embedded.errors import ALREADY_RUNNING, QueryError
from finops.clickhouse.embedded.outbox import Outbox
from finops.clickhouse.embedded.packets import Query, Totals
from finops.clickhouse.embedded.session import Chunk, Session
from finops.clickhouse.embedded.statements import Kind, Statement
from finops.clickhouse.embedded.stream import ByteStream, no_more
from finops.clickhouse.embedded.watcher import Watch

ZONE_LOST = "DateTime"


@dataclass
class Answer:
    """A statement on its way through the engine to the client."""

    session: Session
    query: Query
    statement: Statement
    outbox: Outbox
    totals: Totals = field(default_factory=Totals)
    columns: Columns | None = None
    """Names and types as the engine describes them, where its blocks don't say them whole."""

    def run(self, watch: Watch) -> None:
        """Put the whole answer in the outbox, but for the end of the stream."""
        for chunk in self._chunks():
            self._put_rows(chunk)
            put_progress(chunk, self.outbox)
            if watch.cancelled or watch.gone:
                return
        if self.totals.blocks:
            self.outbox.put(packets.profile_info(self.totals))
        elif header := self._empty_header():
            self.outbox.put_header(header)

    def _chunks(self) -> Iterator[Chunk]:
        """Run the statement, again in a fresh session when chDB mistakes it for a running one."""
        try:
            yield from self._chunks_once()
        except QueryError as error:
            if error.code != ALREADY_RUNNING or self.totals.blocks:
                raise
            # Seen after a failed BACKUP: the session calls every statement a running one (216).
            self.session.renew()
            yield from self._chunks_once()

    def _chunks_once(self) -> Iterator[Chunk]:
        text, params = self.statement.text, self.query.params
        if self.statement.kind is not Kind.STREAM:
            yield self.session.run(text, params)
            return
        with closing(self.session.stream(text, params)) as chunks:
            first = list(next_or_none(chunks))
            if not first or not lost_zone(first[0]):
                yield from chain(first, chunks)
                return
            # Native for revision 0 writes DateTime for DateTime('UTC'), and a session can't
            # describe a statement that it streams. Most answers are over after one block.
            first += next_or_none(chunks)
        self.columns = self.session.describe(text, params)
        if len(first) == 1:
            yield first[0]
            return
        with closing(self.session.stream(text, params)) as chunks:
            yield from chunks

    def _put_rows(self, chunk: Chunk) -> None:
        stream = ByteStream(no_more, chunk.native)
        while stream.pending_bytes:
            header, parts = wire_block(stream, self.columns)
            if not self.totals.blocks:
                self.outbox.put_header(header.columns)
            self.outbox.put_block(parts)
            self.totals.blocks += 1
            self.totals.rows += header.rows
        self.totals.bytes += len(chunk.native)

    def _empty_header(self) -> Columns:
        """The header of an answer without rows, which Native leaves out."""
        match self.statement.kind:
            case Kind.STREAM:
                return self.session.describe(self.statement.text, self.query.params)
            case Kind.TABLE:
                return self.session.header(self.statement.text, self.query.params)
        return []


def next_or_none(chunks: Iterator[Chunk]) -> list[Chunk]:
    """The next chunk in a list, which is empty at the end."""
    chunk = next(chunks, None)
    return [] if chunk is None else [chunk]


def lost_zone(chunk: Chunk) -> bool:
    """True where a column's type may have had a time zone that chDB didn't write."""
    header, _ = wire_block(ByteStream(no_more, chunk.native))
    return any(type_name == ZONE_LOST for _, type_name in header.columns)


def put_progress(chunk: Chunk, outbox: Outbox) -> None:
    """Tell what was read and written for a chunk."""
    counts = (chunk.read_rows, chunk.read_bytes, chunk.written_rows, chunk.written_bytes)
    if any(counts):
        outbox.put(packets.progress(Totals(*counts)))

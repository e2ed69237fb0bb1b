"""Running the statements that need no rows from the client, and answering with theirs."""

from __future__ import annotations

from collections.abc import Iterator

from finops.clickhouse.embedded import packets
from finops.clickhouse.embedded.block import wire_blocks
from finops.clickhouse.embedded.errors import ALREADY_RUNNING, QueryError
from finops.clickhouse.embedded.outbox import Outbox
from finops.clickhouse.embedded.packets import Query, Totals
from finops.clickhouse.embedded.session import Chunk, Session
from finops.clickhouse.embedded.statements import Kind, Statement
from finops.clickhouse.embedded.watcher import Watch

RESULT_KINDS = (Kind.STREAM, Kind.TABLE)


def answer(
    session: Session, query: Query, statement: Statement, outbox: Outbox, watch: Watch
) -> None:
    """Run a statement and put its answer in the outbox, up to the end of the stream."""
    totals = Totals()
    for chunk in run(session, statement, query.params):
        put_rows(chunk, outbox, totals)
        put_progress(chunk, outbox)
        if watch.cancelled or watch.gone:
            break
    if statement.kind in RESULT_KINDS and not totals.blocks and not watch.cancelled:
        put_empty(session, query, statement, outbox)
    if totals.blocks:
        outbox.put(packets.profile_info(totals))


def run(session: Session, statement: Statement, params: dict[str, str]) -> Iterator[Chunk]:
    """Run a statement, a second time in a fresh session when chDB mistakes it for running."""
    try:
        yield from _run_once(session, statement, params)
    except QueryError as error:
        if error.code != ALREADY_RUNNING:
            raise
        # Seen after a failed BACKUP: the session calls every statement a running one (216).
        session.renew()
        yield from _run_once(session, statement, params)


def _run_once(session: Session, statement: Statement, params: dict[str, str]) -> Iterator[Chunk]:
    if statement.kind is Kind.STREAM:
        return session.stream(statement.text, params)
    return iter((session.run(statement.text, params),))


def put_rows(chunk: Chunk, outbox: Outbox, totals: Totals) -> None:
    """Send the blocks of a chunk, led by their header when they are the first."""
    if not chunk.native:
        return
    blocks, rows = wire_blocks(chunk.native)
    for header, block in blocks:
        if not totals.blocks:
            outbox.put_header(list(header.columns))
        totals.blocks += 1
        outbox.put_block(block)
    totals.rows += rows
    totals.bytes += len(chunk.native)


def put_progress(chunk: Chunk, outbox: Outbox) -> None:
    """Tell what was read and written for a chunk."""
    counts = (chunk.read_rows, chunk.read_bytes, chunk.written_rows, chunk.written_bytes)
    if any(counts):
        outbox.put(packets.progress(Totals(*counts)))


def put_empty(session: Session, query: Query, statement: Statement, outbox: Outbox) -> None:
    """Send the header of an answer without rows, which Native leaves out."""
    if statement.kind is Kind.STREAM:
        columns = session.describe(statement.text, query.params)
    else:
        columns = session.header(statement.text, query.params)
    if columns:
        outbox.put_header(columns)

"""One client: its packets, one after the other, until it goes."""

from __future__ import annotations

import hmac
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import structlog

from finops.clickhouse.embedded import packets
from finops.clickhouse.embedded.errors import (
    AUTHENTICATION_FAILED,
    NOT_IMPLEMENTED,
    ClientGone,
    ProtocolViolation,
    QueryError,
)
from finops.clickhouse.embedded.external_tables import receive_external, temporary_tables
from finops.clickhouse.embedded.outbox import Outbox
from finops.clickhouse.embedded.packets import Query
from finops.clickhouse.embedded.query_settings import QuerySettings
from finops.clickhouse.embedded.run_insert import columns_to_send, insert_rows, receive_rows
from finops.clickhouse.embedded.run_query import Answer, put_progress
from finops.clickhouse.embedded.session import DATABASE, Engine, Session
from finops.clickhouse.embedded.staging import Staging
from finops.clickhouse.embedded.statements import Kind, Statement, read_statement
from finops.clickhouse.embedded.stream import ByteStream
from finops.clickhouse.embedded.watcher import Watch, Watcher

USER = "finops"
RECEIVE_BYTES = 1 << 16
INSERTS = (Kind.INSERT, Kind.INSERT_INPUT)

log = structlog.get_logger("clickhouse.embedded")


@dataclass(frozen=True, slots=True)
class Limits:
    """How many clients there may be and how long each may be silent."""

    connections: int = 100
    hello_s: float = 10.0
    idle_s: float = 3600.0
    packet_s: float = 300.0
    """Between bytes of one packet, and for a client to take some of its answer."""


@dataclass(frozen=True, slots=True)
class House:
    """What all connections share."""

    engine: Engine
    staging: Staging
    watcher: Watcher
    password: str
    limits: Limits


class Connection:
    """A client that said Hello; `serve` runs in a thread of its own."""

    def __init__(self, house: House, sock: socket.socket, number: int) -> None:
        self._house = house
        self._sock = sock
        self._tag = f"connection-{number}"
        self._outbox = Outbox(sock)
        self._stream = ByteStream(self._receive)
        self._stopping = False
        self._greeted_by: float | None = None
        self.watch: Watch | None = None

    def greet(self) -> Session | None:
        """Read Hello and check who it is; None, and the client knows why, when it may not."""
        self._greeted_by = time.monotonic() + self._house.limits.hello_s
        hello = packets.read_hello(self._stream)
        try:
            self._check(hello)
            session = Session(self._house.engine, self._tag)
            try:
                session.use(hello.database or DATABASE)
            except QueryError:
                session.close()
                raise
        except QueryError as error:
            self.refuse(error)
            return None
        self._outbox.put(packets.hello())
        self._outbox.flush()
        packets.read_addendum(self._stream)
        self._greeted_by = None
        return session

    def refuse(self, error: QueryError) -> None:
        """Tell the client why it can't stay."""
        self._outbox.put_error(error)
        self._outbox.flush()

    def serve(self, session: Session) -> None:
        """Answer packets until the client goes or the server stops."""
        settings = QuerySettings(session, self._house.engine.known_settings)
        try:
            while not self._stopping:
                self._sock.settimeout(self._house.limits.idle_s)
                packet = self._stream.varint()
                self._sock.settimeout(self._house.limits.packet_s)
                self._answer(packet, session, settings)
        except ProtocolViolation as violation:
            self.refuse(QueryError(violation.code, f"DB::Exception: {violation}"))
            raise

    def _answer(self, packet: int, session: Session, settings: QuerySettings) -> None:
        if packet == packets.PING:
            self._outbox.put(packets.PONG)
            self._outbox.flush()
        elif packet == packets.QUERY:
            self._query(session, settings)
        elif packet != packets.CANCEL:  # a late Cancel: its query is over
            raise ProtocolViolation(f"Packet {packet} is unknown here.")

    def stop(self) -> None:
        """End after the running query, at once when none is running."""
        self._stopping = True
        if self.watch is None:
            # Only reading ends: an INSERT that is done can still be acknowledged.
            self._shut(socket.SHUT_RD)

    def cut(self) -> None:
        """Take the connection away, which kills its query."""
        self._shut(socket.SHUT_RDWR)

    def _shut(self, direction: int) -> None:
        try:
            self._sock.shutdown(direction)
        except OSError:
            log.debug("already closed", connection=self._tag)

    def _check(self, hello: packets.Hello) -> None:
        given = hello.password.encode("utf-8", "surrogateescape")
        right = hmac.compare_digest(given, self._house.password.encode())
        if not right or hello.user != USER:
            raise QueryError(
                AUTHENTICATION_FAILED,
                f"DB::Exception: {hello.user}: Authentication failed: password is incorrect, or "
                "there is no user with such name. (AUTHENTICATION_FAILED)",
            )
        if hello.revision < packets.REVISION:
            raise QueryError(
                NOT_IMPLEMENTED,
                f"DB::Exception: The client speaks revision {hello.revision} of the protocol; the "
                f"embedded ClickHouse needs {packets.REVISION} or later, as clickhouse-driver "
                "0.2.7 has. (NOT_IMPLEMENTED)",
            )

    def _query(self, session: Session, settings: QuerySettings) -> None:
        query = packets.read_query(self._stream)
        self._outbox.compressed = query.compressed
        with ExitStack() as files:
            with rows_end_the_connection():
                external = receive_external(
                    self._stream, self._house.staging, files, compressed=query.compressed
                )
            try:
                statement = read_statement(query.sql)
                if external:
                    settings.take_back()
                with temporary_tables(session, external):
                    self._run(session, settings, query, statement)
            except QueryError as error:
                self._outbox.put_error(error)
        self._outbox.flush()

    def _receive(self) -> bytes:
        try:
            if self._greeted_by is not None:
                left_s = self._greeted_by - time.monotonic()
                self._sock.settimeout(max(left_s, 0.001))
            return self._sock.recv(RECEIVE_BYTES)
        except OSError as error:
            raise ClientGone(f"Nothing came from the client: {error}") from None

    @contextmanager
    def _watching(self) -> Iterator[Watch]:
        """Have the query killed when the client cancels it or goes."""
        watcher, engine = self._house.watcher, self._house.engine
        with watcher.watching(
            self._sock, lambda: engine.kill(self._tag), self._outbox.keep_alive
        ) as watch:
            if self._stream.pending_bytes and self._stream.peek() == packets.CANCEL:
                watch.cancelled = True
                watcher.doom(watch)
            self.watch = watch
            try:
                yield watch
            finally:
                self.watch = None

    def _run(
        self, session: Session, settings: QuerySettings, query: Query, statement: Statement
    ) -> None:
        if statement.word == "SET":
            settings.take_back()
        else:
            settings.apply(query.settings)
        if statement.kind in INSERTS:
            self._insert(session, query, statement)
            return
        with self._watching() as watch:
            try:
                Answer(session, query, statement, self._outbox).run(watch)
            except QueryError:
                if not watch.cancelled:
                    raise
        if statement.word == "SET":
            settings.remember_own()
        self._outbox.put(packets.END_OF_STREAM)

    def _insert(self, session: Session, query: Query, statement: Statement) -> None:
        columns = columns_to_send(session, statement)
        self._outbox.put_header(columns)
        self._outbox.flush()
        with self._house.staging.rows() as staged:
            with rows_end_the_connection():
                receive_rows(self._stream, staged, self._outbox, compressed=query.compressed)
            if staged.rows:
                with self._watching():
                    done = insert_rows(session, statement, columns, staged, query.params)
                put_progress(done, self._outbox)
        self._outbox.put_profile_events()
        self._outbox.put(packets.END_OF_STREAM)


@contextmanager
def rows_end_the_connection() -> Iterator[None]:
    """Turn an error into the connection's end: rows on their way can't be told from packets."""
    try:
        yield
    except QueryError as error:
        violation = ProtocolViolation(str(error).removeprefix("DB::Exception: "))
        violation.code = error.code
        raise violation from error

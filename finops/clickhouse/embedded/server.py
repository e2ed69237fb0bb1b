"""Listening, a thread for each client, and a clean stop."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from contextlib import closing

import structlog

from finops.clickhouse.embedded.connection import Connection, House
from finops.clickhouse.embedded.errors import (
    TOO_MANY_CONNECTIONS,
    UNKNOWN_EXCEPTION,
    ClientGone,
    ProtocolViolation,
    QueryError,
    StartupRefused,
)
from finops.clickhouse.embedded.session import Session

BACKLOG = 128
STRANGERS = 64
"""Clients that haven't said Hello yet; more wait for one of these to be done."""
STOP_S = 8.0
"""How long running queries may take to end when the server stops."""

log = structlog.get_logger("clickhouse.embedded")


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket on a loopback address; StartupRefused says what is wrong."""
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise StartupRefused(f"{host!r} is no address; use --host 127.0.0.1.") from None
    if not address.is_loopback:
        raise StartupRefused(
            f"{host} is not a loopback address. The embedded ClickHouse is for this machine only: "
            "use --host 127.0.0.1, or run clickhouse-server where others have to reach it."
        )
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((str(address), port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise StartupRefused(
            f"Port {port} on {address} can't be used: {error.strerror}. "
            "Stop what listens there, or choose another --port."
        ) from None
    return listener


class Server:
    """Accepts clients until it is stopped."""

    def __init__(self, house: House, listener: socket.socket) -> None:
        self._house = house
        self._listener = listener
        self._strangers = threading.Semaphore(STRANGERS)
        self._connections: set[Connection] = set()
        self._lock = threading.Lock()
        self._stopping = False

    def start(self) -> None:
        threading.Thread(target=self._accept, name="accept", daemon=True).start()

    def stop(self) -> None:
        """Take no more clients, let running queries end, and kill those that take too long."""
        self._stopping = True
        self._listener.close()
        for connection in self._open():
            connection.stop()
        deadline = time.monotonic() + STOP_S
        while self._open() and time.monotonic() < deadline:
            time.sleep(0.02)
        for connection in self._open():
            connection.cut()
        while self._open() and time.monotonic() < deadline + 1:
            time.sleep(0.02)

    def _open(self) -> list[Connection]:
        with self._lock:
            return list(self._connections)

    def _accept(self) -> None:
        number = 0
        while not self._stopping:
            self._strangers.acquire()
            try:
                sock, _ = self._listener.accept()
            except OSError as error:
                self._strangers.release()
                if not self._stopping:
                    log.error("can't accept", reason=str(error))
                    time.sleep(0.1)
                continue
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            number += 1
            connection = Connection(self._house, sock, number)
            name = f"client-{number}"
            threading.Thread(
                target=self._attend, args=(connection, sock, name), name=name, daemon=True
            ).start()

    def _attend(self, connection: Connection, sock: socket.socket, name: str) -> None:
        """Serve one client; nothing it does reaches another."""
        with closing(sock):
            try:
                session = self._greet(connection)
                if session is not None:
                    with closing(session):
                        connection.serve(session)
            except ClientGone as error:
                log.debug("client gone", client=name, reason=str(error))
            except ProtocolViolation as error:
                log.warning("client cut off", client=name, reason=str(error))
            except Exception as error:
                log.exception("connection failed", client=name)
                tell(connection, error)
            finally:
                with self._lock:
                    self._connections.discard(connection)

    def _greet(self, connection: Connection) -> Session | None:
        try:
            session = connection.greet()
        finally:
            self._strangers.release()
        if session is None or self._enter(connection):
            return session
        session.close()
        return None

    def _enter(self, connection: Connection) -> bool:
        most = self._house.limits.connections
        with self._lock:
            if len(self._connections) < most and not self._stopping:
                self._connections.add(connection)
                return True
        connection.refuse(
            QueryError(
                TOO_MANY_CONNECTIONS,
                f"DB::Exception: {most} clients are connected, which is the most that are allowed. "
                "Close some, or raise --max-connections. (TOO_MANY_SIMULTANEOUS_QUERIES)",
            )
        )
        return False


def tell(connection: Connection, error: Exception) -> None:
    """Say to the client that the server failed, if it still listens."""
    try:
        connection.refuse(
            QueryError(UNKNOWN_EXCEPTION, f"DB::Exception: The embedded server failed: {error!r}")
        )
    except ClientGone:
        log.debug("client gone before it was told")

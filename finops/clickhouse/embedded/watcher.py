"""Sees, while a query runs, that its client cancels it or is gone, and has the query killed."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import structlog

CANCEL_PACKET = 3
REPEAT_S = 0.1
"""How often a kill is repeated: the first can come before the engine has begun the query."""

KEEP_ALIVE_S = 5.0

Act = Callable[[], None]

log = structlog.get_logger("clickhouse.embedded")


@dataclass(eq=False)
class Watch:
    """A running query: its client's socket, and how to kill it and to tell that it lives."""

    sock: socket.socket
    kill: Act
    keep_alive: Act
    cancelled: bool = False
    """The client sent Cancel and waits for the end of the stream."""
    gone: bool = False
    """The client closed its connection."""
    over: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def kill_now(self) -> None:
        """Kill the query unless it is over: the next query of the session must not be hit."""
        with self.lock:
            if not self.over:
                self.kill()

    def live_on(self) -> None:
        """Give the client a sign of life, unless the query is over and its answer complete."""
        with self.lock:
            if not self.over:
                self.keep_alive()

    def end(self) -> None:
        with self.lock:
            self.over = True


class Watcher:
    """One thread that watches the sockets of all running queries."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._watches: set[Watch] = set()
        self._dying: set[Watch] = set()
        self._lock = threading.Lock()
        self._wake_read, self._wake_write = socket.socketpair()
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self._thread.start()

    @contextmanager
    def watching(self, sock: socket.socket, kill: Act, keep_alive: Act) -> Iterator[Watch]:
        """Watch the client's socket while its query runs."""
        watch = Watch(sock, kill, keep_alive)
        with self._lock:
            self._watches.add(watch)
            # Takes effect in a select() that another thread has begun, with epoll and kqueue.
            self._selector.register(sock, selectors.EVENT_READ, watch)
        try:
            yield watch
        finally:
            watch.end()
            self._forget(watch)
            self._dying.discard(watch)
            self._watches.discard(watch)

    def doom(self, watch: Watch) -> None:
        """Kill a query, again and again until it is over."""
        self._dying.add(watch)
        self._wake_write.send(b"\0")

    def stop(self) -> None:
        self._stopped = True
        self._wake_write.send(b"\0")
        self._thread.join(timeout=5)

    def _run(self) -> None:
        next_sign = time.monotonic() + KEEP_ALIVE_S
        while not self._stopped:
            try:
                self._look_around()
                if time.monotonic() >= next_sign:
                    next_sign = time.monotonic() + KEEP_ALIVE_S
                    for watch in list(self._watches):
                        watch.live_on()
            except Exception:
                # Without this thread no query could be cancelled any more.
                log.exception("the watcher failed and goes on")
                time.sleep(REPEAT_S)

    def _look_around(self) -> None:
        for key, _ in self._selector.select(REPEAT_S if self._dying else KEEP_ALIVE_S):
            if key.data is None:
                self._wake_read.recv(4096)
            else:
                self._look(key.data)
        for watch in list(self._dying):
            watch.kill_now()

    def _look(self, watch: Watch) -> None:
        """Something came from the client of a running query."""
        self._forget(watch)
        first = b""
        with suppress(OSError):
            first = watch.sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        watch.gone = not first
        watch.cancelled = first == bytes((CANCEL_PACKET,))
        if watch.gone or watch.cancelled:
            self._dying.add(watch)

    def _forget(self, watch: Watch) -> None:
        with self._lock, suppress(KeyError, ValueError):
            self._selector.unregister(watch.sock)

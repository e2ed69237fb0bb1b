"""What happens to a running query when something happens to its client."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from finops.clickhouse.embedded import watcher as module
from finops.clickhouse.embedded.outbox import ENOUGH_BYTES, SIGN_OF_LIFE, Outbox
from finops.clickhouse.embedded.watcher import Watcher

SOON_S = 20


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    watcher = Watcher()
    yield watcher
    watcher.stop()


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    server, client = socket.socketpair()
    with server, client:
        server.settimeout(SOON_S)
        client.settimeout(SOON_S)
        yield server, client


def nothing() -> None:
    """No sign of life."""


def test_cancel_and_leaving_kill_until_the_query_is_over(
    watcher: Watcher, ends: tuple[socket.socket, socket.socket]
) -> None:
    server, client = ends
    for cancel in (True, False):
        kills = threading.Semaphore(0)
        with watcher.watching(server, kills.release, nothing) as watch:
            client.send(b"\x03") if cancel else client.close()
            for _ in range(3):
                assert kills.acquire(timeout=SOON_S)
        assert (watch.cancelled, watch.gone) == (cancel, not cancel)
        if cancel:
            assert server.recv(1) == b"\x03"


def test_a_query_that_is_over_is_not_killed(
    watcher: Watcher, ends: tuple[socket.socket, socket.socket]
) -> None:
    server, client = ends
    kills: list[int] = []
    with watcher.watching(server, lambda: kills.append(1), nothing) as watch:
        pass
    client.close()
    watcher.doom(watch)
    watch.kill_now()
    assert kills == []


def test_other_bytes_wait_for_the_connection(
    watcher: Watcher, ends: tuple[socket.socket, socket.socket]
) -> None:
    server, client = ends
    with watcher.watching(server, nothing, nothing) as watch:
        client.send(b"\x04")
        server.recv(1, socket.MSG_PEEK)
    assert not watch.cancelled and not watch.gone
    assert server.recv(1) == b"\x04"


def test_a_long_query_gives_signs_of_life(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEEP_ALIVE_S", 0.02)
    server, client = ends
    outbox = Outbox(server)
    outbox.put(b"header")
    watcher = Watcher()
    with watcher.watching(server, nothing, outbox.keep_alive):
        said = b""
        while len(said) < len(b"header" + SIGN_OF_LIFE * 2):
            said += client.recv(100)
    watcher.stop()
    assert said.startswith(b"header" + SIGN_OF_LIFE * 2)


def test_a_sign_of_life_never_waits_for_a_client_that_reads_nothing(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    server, client = ends
    server.setblocking(False)
    filled = 0
    try:
        while True:
            filled += server.send(b"x" * ENOUGH_BYTES)
    except BlockingIOError:
        server.settimeout(SOON_S)
    outbox = Outbox(server)
    for _ in range(3):
        outbox.keep_alive()
    left = filled
    while left:
        left -= len(client.recv(left))
    outbox.flush()
    assert client.recv(100) == SIGN_OF_LIFE * 3


def test_the_watcher_survives_a_failing_kill(
    watcher: Watcher, ends: tuple[socket.socket, socket.socket]
) -> None:
    server, client = ends
    tried = threading.Semaphore(0)

    def fail() -> None:
        tried.release()
        raise RuntimeError("the engine is gone")

    with watcher.watching(server, fail, nothing):
        client.send(b"\x03")
        for _ in range(2):
            assert tried.acquire(timeout=SOON_S)

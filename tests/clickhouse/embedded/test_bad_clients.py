"""A client that misbehaves is cut off; the server and the other clients don't notice."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from struct import pack

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException

from finops.clickhouse.embedded.packets import REVISION
from finops.clickhouse.embedded.stream import text, varint
from tests.clickhouse.embedded.conftest import only_embedded
from tests.clickhouse_server import EmbeddedServer, running

pytestmark = only_embedded

MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    options = ("--max-connections", "4", "--idle-timeout-s", "1.5")
    with running(tmp_path_factory.mktemp("limits"), *options) as server:
        yield server


def dial(server: EmbeddedServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def hello(password: str) -> bytes:
    head = varint(0) + text("test") + varint(20) + varint(1) + varint(REVISION)
    return head + text("") + text("finops") + text(password)


def query(sql: str) -> bytes:
    client_info = b"\x01" + text("") * 3 + b"\0" * 8 + b"\x01" + text("") * 3 + varint(0) * 3
    client_info += text("") + varint(0) * 2 + b"\0" + varint(0) * 3
    head = varint(1) + text("") + client_info + text("") + text("") + varint(2) + varint(0)
    return head + text(sql) + text("")


NO_TABLES = varint(2) + text("") + b"\x01\x00\x02\xff\xff\xff\xff\x00\x00\x00"


def said_until_cut_off(sock: socket.socket) -> bytes:
    said = b""
    try:
        while piece := sock.recv(65536):
            said += piece
    except ConnectionResetError:
        pass
    return said


def resident_bytes(server: EmbeddedServer) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def works(server: EmbeddedServer) -> bool:
    with connected(server) as client:
        return bool(client.execute("SELECT 1") == [(1,)])


BEFORE_HELLO = {
    "a web browser": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "noise": bytes(range(255, 0, -1)) * 40,
    "an endless number": b"\x00" + b"\xff" * 100,
    "a huge name": b"\x00" + varint(2**62) + b"x" * 1000,
    "a huge password": b"\x00"
    + text("x")
    + b"\1\1"
    + varint(REVISION)
    + text("") * 2
    + varint(2**40),
    "a query before Hello": query("SELECT 1"),
}


@pytest.mark.parametrize("data", BEFORE_HELLO.values(), ids=BEFORE_HELLO)
def test_bytes_that_are_no_hello_end_the_connection(server: EmbeddedServer, data: bytes) -> None:
    with dial(server) as sock:
        sock.sendall(data)
        assert said_until_cut_off(sock) == b""
    assert works(server)


TABLE = varint(2) + text("t") + b"\0"
"""The head of a data packet that brings a table along."""

AFTER_HELLO = {
    "an unknown packet": b"\x63",
    "a huge query": varint(1) + varint(2**50),
    "a huge statement": query("")[:-2] + varint(2**40) + b"SELECT",
    "a huge setting": varint(1) + text("") + b"\0" + text("max_threads") + b"\0" + varint(2**60),
    "data of a strange kind": query("SELECT 1") + varint(2) + text("") + b"\x09\x09\x09",
    "too many columns": query("SELECT 1") + TABLE + varint(2**40) + b"\x01",
    "no data but a query": query("SELECT 1") * 2,
    "an unknown type": query("SELECT 1") + TABLE + b"\x01\x01" + text("a") + text("Odd") + b"\0",
    "a special form": query("SELECT 1") + TABLE + b"\x01\x01" + text("a") + text("UInt8") + b"\1",
}


@pytest.mark.parametrize("data", AFTER_HELLO.values(), ids=AFTER_HELLO)
def test_packets_that_cannot_be_end_the_connection(server: EmbeddedServer, data: bytes) -> None:
    with dial(server) as sock:
        sock.sendall(hello(server.password) + text("") + data)
        assert said_until_cut_off(sock).startswith(b"\x00\x0aClickHouse")
    assert works(server)


def test_half_a_packet_and_gone(server: EmbeddedServer) -> None:
    whole = hello(server.password) + text("") + query("SELECT 1") + NO_TABLES
    for end in range(0, len(whole), 7):
        with dial(server) as sock:
            sock.sendall(whole[:end])
    assert works(server)


def test_huge_claims_take_no_memory(server: EmbeddedServer) -> None:
    assert works(server)
    before = resident_bytes(server)
    claims = [
        varint(2) + text("t") + b"\0\x01" + varint(2**63) + text("a") + text(type_name) + b"\0"
        for type_name in ("String", "UInt64", "Array(String)", "FixedString(1000000000)")
    ]
    for claim in claims:
        with dial(server) as sock:
            sock.sendall(hello(server.password) + text("") + query("SELECT 1") + claim)
            sock.sendall(varint(2**62) + b"x" * MEBIBYTE)
    with dial(server) as sock:
        sock.sendall(hello(server.password) + text("") + query("SELECT 1")[:-2] + b"\x01")
        sock.sendall(pack("<QQBII", 0, 0, 0x82, 2**30, 2**30))
    assert works(server)
    assert resident_bytes(server) - before < 64 * MEBIBYTE
    assert not list((server.data_dir / "staging").iterdir())


def test_a_client_that_reads_nothing_takes_no_memory(server: EmbeddedServer) -> None:
    with dial(server) as sock:
        sock.sendall(hello(server.password) + text(""))
        sock.sendall(query("SELECT repeat('x', 100) FROM system.numbers") + NO_TABLES)
        assert sock.recv(10)
        assert works(server)
        before = resident_bytes(server)
        for _ in range(50):
            assert works(server)
        assert resident_bytes(server) - before < 64 * MEBIBYTE


def connected(server: EmbeddedServer) -> Client:
    """A connection, as soon as the server noticed that the clients before it are gone."""
    until = time.monotonic() + 20
    while True:
        client = Client.from_url(server.url)
        try:
            client.execute("SELECT 1")
            return client
        except ServerException as error:
            assert error.code == 202
            assert time.monotonic() < until, "the place of a client that left is never free again"
            time.sleep(0.02)


def test_more_clients_than_allowed_are_told_so(server: EmbeddedServer) -> None:
    clients = [connected(server) for _ in range(4)]
    with pytest.raises(ServerException) as caught:
        Client.from_url(server.url).execute("SELECT 1")
    assert caught.value.code == 202
    clients.pop().disconnect()
    clients.append(connected(server))
    for client in clients:
        client.disconnect()


def test_a_silent_client_is_let_go_and_connects_again(server: EmbeddedServer) -> None:
    with connected(server) as client:
        assert client.connection.socket.recv(1) == b""
        client.disconnect()
        assert client.execute("SELECT 2") == [(2,)]

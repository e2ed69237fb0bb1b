"""A query ends when its client cancels it, leaves, or somebody kills it."""

from __future__ import annotations

import threading
import time
import uuid

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException

from tests.clickhouse.embedded.conftest import Connect

ENDLESS = "SELECT count() FROM system.numbers WHERE sipHash64(number) = 7"
ENDLESS_ROWS = "SELECT number FROM system.numbers"
ENDLESS_WRITE = "INSERT INTO FUNCTION null('n UInt64') SELECT number FROM system.numbers"
SOON_S = 10


def marked(statement: str) -> tuple[str, str]:
    mark = uuid.uuid4().hex
    return f"{statement} /* {mark} */", mark


def running(client: Client, mark: str) -> int:
    return int(
        client.execute(
            "SELECT count() FROM system.processes "
            "WHERE query LIKE %(like)s AND query NOT LIKE '%%LIKE%%'",
            {"like": f"%{mark}%"},
        )[0][0]
    )


def wait_for(client: Client, mark: str, number: int) -> None:
    until = time.monotonic() + SOON_S
    while running(client, mark) != number:
        assert time.monotonic() < until, "the query neither began nor ended"
        time.sleep(0.01)


@pytest.mark.parametrize("statement", [ENDLESS, ENDLESS_ROWS, ENDLESS_WRITE])
def test_a_client_that_leaves_takes_its_query_along(connect: Connect, statement: str) -> None:
    client, other = connect(), connect()
    statement, mark = marked(statement)
    client.connection.force_connect()
    client.connection.send_query(statement)
    client.connection.send_external_tables(None)
    wait_for(other, mark, 1)
    client.disconnect()
    wait_for(other, mark, 0)


def test_a_cancelled_query_ends_and_the_connection_stays(connect: Connect) -> None:
    client, other = connect(), connect()
    statement, mark = marked(ENDLESS)
    progress = client.execute_with_progress(statement)
    wait_for(other, mark, 1)
    assert progress is not None
    client.cancel()
    wait_for(other, mark, 0)
    assert client.execute("SELECT 1") == [(1,)]


def test_a_stream_that_is_cancelled_leaves_the_connection_usable(connect: Connect) -> None:
    client = connect(settings={"use_numpy": True})
    reader = client.query_arrow_stream("SELECT number FROM system.numbers")
    assert reader.read_next_batch().num_rows > 0
    assert client.execute("SELECT toUInt8(1)")[0][0] == 1


def test_kill_query_from_another_connection_is_394(connect: Connect) -> None:
    client, other = connect(), connect()
    statement, mark = marked(ENDLESS)
    caught: list[int] = []

    def run() -> None:
        try:
            client.execute(statement)
        except ServerException as error:
            caught.append(error.code)

    thread = threading.Thread(target=run)
    thread.start()
    wait_for(other, mark, 1)
    other.execute(f"KILL QUERY WHERE query LIKE '%{mark}%' AND query NOT LIKE '%KILL%' ASYNC")
    thread.join(SOON_S)
    assert caught == [394]


def test_leaving_a_stream_early_does_not_hurt_the_next_query(connect: Connect) -> None:
    client = connect()
    for _ in range(5):
        rows = client.execute_iter(ENDLESS_ROWS)
        assert next(rows) == (0,)
        client.disconnect()
        assert client.execute("SELECT 1") == [(1,)]

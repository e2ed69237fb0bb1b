"""Answers and INSERTs of every size, in one block and in many."""

from __future__ import annotations

import numpy as np
import pytest
from clickhouse_driver import Client

from tests.clickhouse.embedded.conftest import Connect

SIZES = [0, 1, 2, 65_409, 65_410, 200_000]


@pytest.mark.parametrize("compression", [False, "lz4"])
@pytest.mark.parametrize("rows", SIZES)
def test_every_row_of_an_answer_arrives(
    connect: Connect, rows: int, compression: str | bool
) -> None:
    client = connect(compression=compression)
    got, types = client.execute(
        "SELECT number AS n, toString(number % 1000) AS s, [n] AS a FROM numbers({rows:UInt64})"
        " ORDER BY n SETTINGS max_threads = 1".replace("{rows:UInt64}", str(rows)),
        columnar=True,
        with_column_types=True,
    )
    assert [name for name, _ in types] == ["n", "s", "a"]
    if rows:
        assert got[0] == tuple(range(rows))
        assert got[1][rows - 1] == str((rows - 1) % 1000)
        assert got[2][rows - 1] == [rows - 1]
    assert client.last_query.profile_info.rows == rows if rows else True


@pytest.mark.parametrize("compression", [False, "lz4"])
def test_a_million_rows_in_many_blocks(connect: Connect, compression: str | bool) -> None:
    client = connect(
        compression=compression, settings={"use_numpy": True, "insert_block_size": 300_000}
    )
    client.execute("CREATE TABLE t (n UInt64, f Float64) ENGINE = MergeTree ORDER BY n")
    numbers = np.arange(1_100_000, dtype="uint64")
    sent = [numbers, numbers / 8]
    assert client.execute("INSERT INTO t VALUES", sent, columnar=True) == len(numbers)
    count, total, halves = client.execute("SELECT count(), sum(n), sum(f) FROM t")[0]
    assert (count, total) == (1_100_000, int(numbers.sum()))
    assert halves == pytest.approx(float((numbers / 8).sum()))
    got = client.execute("SELECT n, f FROM t ORDER BY n", columnar=True)
    assert (got[0] == numbers).all() and (got[1] == numbers / 8).all()


def test_rows_in_many_small_blocks(connect: Connect) -> None:
    client = connect(settings={"insert_block_size": 7})
    client.execute(
        "CREATE TABLE t (n UInt32, s LowCardinality(String)) ENGINE = MergeTree ORDER BY n"
    )
    rows = [(i, "ab"[i % 2]) for i in range(1000)]
    assert client.execute("INSERT INTO t VALUES", rows) == 1000
    assert client.execute("SELECT * FROM t ORDER BY n") == rows
    parts = client.execute(
        "SELECT count() FROM system.parts "
        "WHERE active AND table = 't' AND database = currentDatabase()"
    )
    assert parts == [(1,)]


def test_an_insert_of_no_rows_is_fine(client: Client) -> None:
    client.execute("CREATE TABLE t (n UInt32) ENGINE = MergeTree ORDER BY n")
    assert client.execute("INSERT INTO t VALUES", []) == 0
    assert client.execute("SELECT count() FROM t") == [(0,)]


@pytest.mark.parametrize(
    ("statement", "columns"),
    [
        ("SELECT 1 AS a, 'x' AS b WHERE 0", [("a", "UInt8"), ("b", "String")]),
        (
            "SELECT now('UTC') AS t, toLowCardinality('') AS l WHERE 0 SETTINGS max_threads = 1",
            [("t", "DateTime('UTC')"), ("l", "LowCardinality(String)")],
        ),
        ("WITH x AS (SELECT 1 AS a) SELECT a FROM x WHERE a > 1 -- none", [("a", "UInt8")]),
        ("(SELECT 1 AS a WHERE 0) UNION ALL (SELECT 2 WHERE 0)", [("a", "UInt8")]),
        ("FROM numbers(0) SELECT number", [("number", "UInt64")]),
        ("SHOW TABLES LIKE 'nothing'", [("name", "String")]),
        ("SELECT 1 AS a WHERE 0 FORMAT JSON", [("a", "UInt8")]),
    ],
)
def test_an_empty_answer_keeps_its_header(
    client: Client, statement: str, columns: list[tuple[str, str]]
) -> None:
    assert client.execute(statement, with_column_types=True) == ([], columns)


def test_strings_of_equal_length_and_of_many_lengths(client: Client) -> None:
    rows = [("a" * (i % 300), "id" * 8, "") for i in range(5000)]
    client.execute("CREATE TABLE t (a String, b String, c String) ENGINE = Memory")
    client.execute("INSERT INTO t VALUES", rows)
    assert sorted(client.execute("SELECT * FROM t")) == sorted(rows)


def test_rows_stream_in_the_size_that_is_asked_for(connect: Connect) -> None:
    client = connect()
    rows = client.execute_iter(
        "SELECT number FROM numbers(100000)", settings={"max_block_size": 1000}
    )
    assert sum(row[0] for row in rows) == sum(range(100_000))


def test_a_zone_survives_in_answers_of_many_blocks(client: Client) -> None:
    got, types = client.execute(
        "SELECT toDateTime(number, 'Asia/Tokyo') AS t, now() AS n FROM numbers(100000)",
        columnar=True,
        with_column_types=True,
    )
    assert types == [("t", "DateTime('Asia/Tokyo')"), ("n", "DateTime")]
    assert got[0][99_999].isoformat() == "1970-01-02T12:46:39+09:00"
    assert got[1][0].tzinfo is None

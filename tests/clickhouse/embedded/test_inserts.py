"""INSERTs: what is acknowledged is there, and what is refused says why."""

from __future__ import annotations

from pathlib import Path

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException

from tests.clickhouse.embedded.conftest import Connect, only_embedded


def refusal(client: Client, statement: str, rows: list[tuple[object, ...]]) -> int:
    with pytest.raises(ServerException) as caught:
        client.execute(statement, rows)
    return int(caught.value.code)


def count(client: Client, table: str = "t") -> int:
    return int(client.execute(f"SELECT count() FROM {table}")[0][0])


def test_a_broken_constraint_is_an_error_and_no_row_is_there(client: Client) -> None:
    client.execute(
        "CREATE TABLE t (a Int32, CONSTRAINT c CHECK a > 0) ENGINE = MergeTree ORDER BY a"
    )
    assert refusal(client, "INSERT INTO t VALUES", [(1,), (-1,)]) == 469
    assert count(client) == 0


def test_an_exception_in_a_view_is_an_error(client: Client) -> None:
    client.execute("CREATE TABLE t (a Int32) ENGINE = MergeTree ORDER BY a")
    client.execute("CREATE TABLE target (a Int32, z UInt8) ENGINE = MergeTree ORDER BY a")
    client.execute("CREATE MATERIALIZED VIEW v TO target AS SELECT a, throwIf(a = 7) AS z FROM t")
    assert refusal(client, "INSERT INTO t VALUES", [(7,)]) == 395
    assert count(client, "target") == 0


def test_too_many_parts_is_an_error_and_nothing_is_lost_silently(client: Client) -> None:
    client.execute(
        "CREATE TABLE t (a Int32) ENGINE = MergeTree ORDER BY a "
        "SETTINGS parts_to_throw_insert = 1, parts_to_delay_insert = 1, max_delay_to_insert = 0, "
        "min_delay_to_insert_ms = 0"
    )
    client.execute("SYSTEM STOP MERGES t")
    refused = 0
    for value in range(4):
        try:
            client.execute("INSERT INTO t VALUES", [(value,)])
        except ServerException as error:
            assert error.code == 252
            refused += 1
    assert refused > 0
    assert count(client) == 4 - refused


def test_unknown_tables_and_columns(client: Client) -> None:
    client.execute("CREATE TABLE t (a Int32) ENGINE = MergeTree ORDER BY a")
    assert refusal(client, "INSERT INTO nowhere VALUES", [(1,)]) == 60
    assert refusal(client, "INSERT INTO t (b) VALUES", [(1,)]) == 16
    assert refusal(client, "INSERT INTO t (a) VALUEZ", [(1,)]) == 62
    assert count(client) == 0


@pytest.mark.parametrize(
    "text", ["a\n\nb", "\n\n", "\n", ";", "a;\n\nSELECT 1;\n\n", "'); DROP TABLE t; --", "\\n\\n"]
)
def test_text_that_could_end_a_statement_is_only_text(client: Client, text: str) -> None:
    client.execute("CREATE TABLE t (a String) ENGINE = MergeTree ORDER BY tuple()")
    client.execute("INSERT INTO t VALUES", [(text,)] * 3)
    assert client.execute("SELECT a FROM t") == [(text,)] * 3


def test_a_first_byte_that_is_a_line_feed(client: Client) -> None:
    columns = ", ".join(f"c{i} UInt8" for i in range(10))
    client.execute(f"CREATE TABLE t ({columns}) ENGINE = MergeTree ORDER BY c0")
    client.execute("INSERT INTO t VALUES", [(10,) * 10] * 10)
    assert client.execute("SELECT * FROM t") == [(10,) * 10] * 10


def test_values_in_the_statement(client: Client) -> None:
    client.execute("CREATE TABLE t (a Int32, b String) ENGINE = MergeTree ORDER BY a")
    client.execute("INSERT INTO t VALUES (1, 'x\n\ny'), (2, 'semi;colon')")
    client.execute("INSERT INTO t (b, a) VALUES ('z', 3);")
    assert client.execute("SELECT * FROM t ORDER BY a") == [
        (1, "x\n\ny"),
        (2, "semi;colon"),
        (3, "z"),
    ]


def test_many_values_in_the_statement(client: Client) -> None:
    client.execute("CREATE TABLE t (a UInt32, b String) ENGINE = MergeTree ORDER BY a")
    rows = ", ".join(f"({n}, 'x;{n}')" for n in range(30_000))
    client.execute(f"INSERT INTO t VALUES {rows};")
    assert client.execute("SELECT count(), sum(a) FROM t") == [(30_000, sum(range(30_000)))]
    with pytest.raises(ServerException) as caught:
        client.execute(f"INSERT INTO t VALUES {rows}; DROP TABLE t")
    assert caught.value.code == 62
    assert count(client) == 30_000


def test_insert_select_tells_how_much_it_wrote(client: Client) -> None:
    client.execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
    client.execute("INSERT INTO t SELECT number FROM numbers(12)")
    assert client.last_query.progress.written_rows == 12
    client.execute("INSERT INTO t WITH x AS (SELECT 1 AS n) SELECT n FROM x")
    client.execute("INSERT INTO t (SELECT 1)")
    client.execute("INSERT INTO t (a) (SELECT 1)")
    assert count(client) == 15


def test_columns_are_chosen_by_name(client: Client) -> None:
    client.execute(
        "CREATE TABLE t (a Int32, `b c` String DEFAULT 'd', m Int32 MATERIALIZED a + 1, "
        "al Int32 ALIAS a + 2, n Nested(x Int8, y String)) ENGINE = MergeTree ORDER BY a"
    )
    client.execute("INSERT INTO t VALUES", [(1, "x", [1], ["y"])])
    client.execute("INSERT INTO t (`b c`, a) VALUES", [("y", 2)])
    client.execute('INSERT INTO t ("a") VALUES', [(3,)])
    client.execute("INSERT INTO t (* EXCEPT(`b c`)) VALUES", [(4, [], [])])
    client.execute("INSERT INTO t (a, n.x, n.y) FORMAT Native", [(5, [7], ["z"])])
    client.execute(
        "INSERT /* (a) VALUES */ INTO TABLE t (a /* SELECT */) -- VALUES (9)\nVALUES", [(6,)]
    )
    assert client.execute("SELECT a, `b c`, m, al, n.x, n.y FROM t ORDER BY a") == [
        (1, "x", 2, 3, [1], ["y"]),
        (2, "y", 3, 4, [], []),
        (3, "d", 4, 5, [], []),
        (4, "d", 5, 6, [], []),
        (5, "d", 6, 7, [7], ["z"]),
        (6, "d", 7, 8, [], []),
    ]


def test_rows_through_input(client: Client) -> None:
    client.execute("CREATE TABLE t (a Int32, b String) ENGINE = MergeTree ORDER BY a")
    statement = "INSERT INTO t SELECT n * 2, upper(s) FROM input('n Int32, s String') FORMAT Native"
    client.execute(statement, [(1, "x"), (2, "y")])
    assert client.execute("SELECT * FROM t ORDER BY a") == [(2, "X"), (4, "Y")]


def test_settings_inside_an_insert(client: Client) -> None:
    client.execute("CREATE TABLE t (a Int32) ENGINE = MergeTree ORDER BY a")
    client.execute("INSERT INTO t (a) SETTINGS max_insert_threads = 1 VALUES", [(1,)])
    client.execute("INSERT INTO t SETTINGS max_insert_threads = 1 SELECT 2")
    assert count(client) == 2


@pytest.mark.parametrize("compression", [False, "lz4"])
def test_a_batch_sent_again_with_its_token_counts_once(
    connect: Connect, compression: str | bool
) -> None:
    client = connect(compression=compression, settings={"insert_block_size": 10_000})
    client.execute(
        "CREATE TABLE t (a UInt32) ENGINE = MergeTree ORDER BY a "
        "SETTINGS non_replicated_deduplication_window = 1000"
    )
    client.execute(
        "CREATE TABLE sums (k UInt8, n UInt64) ENGINE = SummingMergeTree ORDER BY k "
        "SETTINGS non_replicated_deduplication_window = 1000"
    )
    client.execute(
        "CREATE MATERIALIZED VIEW v TO sums AS "
        "SELECT toUInt8(1) AS k, count() AS n FROM t GROUP BY k"
    )
    rows = [(i,) for i in range(35_000)]
    for _ in range(3):
        settings = {
            "insert_deduplication_token": "batch-1",
            "deduplicate_blocks_in_dependent_materialized_views": 1,
        }
        client.execute("INSERT INTO t VALUES", rows, settings=settings)
    client.execute("INSERT INTO t VALUES", rows[:1], settings={"insert_deduplication_token": "b-2"})
    assert count(client) == 35_001
    assert client.execute("SELECT sum(n) FROM sums") == [(35_001,)]


def test_insert_select_sent_again_with_its_token_counts_once(client: Client) -> None:
    client.execute(
        "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a "
        "SETTINGS non_replicated_deduplication_window = 1000"
    )
    for _ in range(3):
        client.execute(
            "INSERT INTO t SELECT number FROM numbers(5)",
            settings={"insert_deduplication_token": "segment-1"},
        )
    assert count(client) == 5


@only_embedded
def test_a_file_of_length_delimited_protobuf_is_inserted(client: Client, tmp_path: Path) -> None:
    body = b"\x0a\x03abc\x10\x96\x01"
    path = tmp_path / "two.pb"
    path.write_bytes(bytes([len(body)]) + body + bytes([len(body)]) + body)
    schema = 'syntax = "proto3"; message Span { string name = 1; uint64 tokens = 2; }'
    client.execute("CREATE TABLE t (name String, tokens UInt64) ENGINE = MergeTree ORDER BY name")
    client.execute(
        f"INSERT INTO t SELECT name, tokens FROM file('{path}', 'Protobuf', "
        "'name String, tokens UInt64') SETTINGS format_schema_source = 'string', "
        f"format_schema = '{schema}', format_schema_message_name = 'Span'"
    )
    assert client.execute("SELECT * FROM t") == [("abc", 150)] * 2
    assert client.last_query is not None
    path.write_bytes(b"\x0aabc")
    with pytest.raises(ServerException):
        client.execute(
            f"INSERT INTO t SELECT name, tokens FROM file('{path}', 'Protobuf', "
            "'name String, tokens UInt64') SETTINGS format_schema_source = 'string', "
            f"format_schema = '{schema}', format_schema_message_name = 'Span'"
        )
    assert count(client) == 2


@only_embedded
def test_rows_after_format_are_refused_rather_than_lost(client: Client) -> None:
    client.execute("CREATE TABLE t (a Int32) ENGINE = MergeTree ORDER BY a")
    with pytest.raises(ServerException) as caught:
        client.execute("INSERT INTO t FORMAT TSV\n1\n\n2\n")
    assert caught.value.code == 48
    assert count(client) == 0


def test_the_connection_works_on_after_a_refused_insert(client: Client) -> None:
    client.execute(
        "CREATE TABLE t (a Int32, CONSTRAINT c CHECK a > 0) ENGINE = MergeTree ORDER BY a"
    )
    for _ in range(3):
        assert refusal(client, "INSERT INTO t VALUES", [(-1,)]) == 469
        client.execute("INSERT INTO t VALUES", [(1,)])
    assert count(client) == 3

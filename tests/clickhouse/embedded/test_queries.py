"""Statements, their parameters and settings, and the codes of their errors."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException

from tests.clickhouse.embedded.conftest import Connect, only_embedded


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("SELECT nothing", 47),
        ("SELECT * FROM nowhere", 60),
        ("SELEKT 1", 62),
        ("SELECT 1 FROM", 62),
        ("SELECT 'open", 62),
        ("", 62),
        ("SELECT 1; DROP TABLE t", 62),
        ("SELECT * FROM nowhere.t", 81),
        ("USE nowhere", 81),
        ("SELECT throwIf(number = 3) FROM numbers(10)", 395),
        ("SELECT toUInt8('x')", 6),
        ("SELECT {missing:UInt8}", 456),
        ("CREATE TABLE numbers_t (a Int8) ENGINE = Nonsense", 56),
        ("SELECT count() FROM numbers(1e11) SETTINGS max_execution_time = 0.2", 159),
        ("SELECT groupArray(number) FROM numbers(1e8) SETTINGS max_memory_usage = 20000000", 241),
    ],
)
def test_an_error_has_the_code_of_clickhouse(client: Client, statement: str, code: int) -> None:
    with pytest.raises(ServerException) as caught:
        client.execute(statement)
    assert caught.value.code == code
    assert "DB::Exception" in caught.value.message
    assert client.execute("SELECT 1") == [(1,)]


def test_an_error_after_the_first_blocks(client: Client) -> None:
    rows = client.execute_iter(
        "SELECT throwIf(number = 900000, 'late') FROM numbers(1000000)",
        settings={"max_threads": 1, "max_block_size": 50_000},
    )
    with pytest.raises(ServerException) as caught:
        sum(1 for _ in rows)
    assert caught.value.code == 395
    assert client.execute("SELECT 1") == [(1,)]


def test_the_same_error_by_name(client: Client) -> None:
    client.execute("CREATE TABLE t (a Int32) ENGINE = MergeTree ORDER BY a")
    with pytest.raises(ServerException) as caught:
        client.execute("CREATE TABLE t (a Int32) ENGINE = MergeTree ORDER BY a")
    assert caught.value.code == 57
    assert "(TABLE_ALREADY_EXISTS)" in caught.value.message


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        "",
        "it's",
        "back\\slash",
        "\\'",
        "tab\t",
        "line\nfeed",
        "\r\0\b",
        "ü€😀",
        '"',
        "{a:b}",
        "\\N",
        "%s",
    ],
)
def test_a_string_parameter_arrives_as_it_is(connect: Connect, value: str) -> None:
    client = connect(settings={"server_side_params": True})
    assert client.execute("SELECT {v:String}, length({v:String})", {"v": value}) == [
        (value, len(value.encode()))
    ]


@pytest.mark.parametrize(
    ("type_name", "value", "expected"),
    [
        ("UInt64", 2**64 - 1, 2**64 - 1),
        ("Int32", -5, -5),
        ("Float64", 0.1, 0.1),
        ("Date", date(2026, 2, 28), date(2026, 2, 28)),
        (
            "DateTime('UTC')",
            datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        ),
        ("Array(String)", ["a", "it's", "b\\c", "d\te"], ["a", "it's", "b\\c", "d\te"]),
        ("Array(UInt8)", [1, 2], [1, 2]),
        ("Nullable(String)", "x", "x"),
    ],
)
def test_a_parameter_has_its_type(
    connect: Connect, type_name: str, value: Any, expected: Any
) -> None:
    client = connect(settings={"server_side_params": True})
    assert client.execute(f"SELECT {{v:{type_name}}}", {"v": value}) == [(expected,)]


def test_parameters_in_statements_of_every_kind(connect: Connect) -> None:
    client = connect(settings={"server_side_params": True})
    client.execute(
        "CREATE TABLE {t:Identifier} (a String) ENGINE = MergeTree ORDER BY a", {"t": "tt"}
    )
    client.execute("INSERT INTO tt SELECT {a:String} || 'b'", {"a": "it's"})
    assert client.execute("SELECT a FROM tt WHERE a = {a:String}", {"a": "it'sb"}) == [("it'sb",)]
    empty = client.execute("SELECT {a:String} AS x WHERE 0", {"a": "q"}, with_column_types=True)
    assert empty == ([], [("x", "String")])


def test_parameters_that_the_client_puts_in(client: Client) -> None:
    rows = client.execute("SELECT %(a)s, %(b)s", {"a": "it's\n\\", "b": 5})
    assert rows == [("it's\n\\", 5)]


def test_a_setting_lasts_for_its_query(client: Client) -> None:
    def threads(**settings: Any) -> int:
        return int(client.execute("SELECT getSetting('max_threads')", settings=settings)[0][0])

    default = threads()
    assert threads(max_threads=3) == 3
    assert threads(max_threads=5, max_block_size=10) == 5
    assert threads() == default
    client.execute("SET max_threads = 7")
    assert threads() == 7
    assert threads(max_threads=2) == 2
    assert threads() == 7


def test_settings_of_the_client_last_for_all_its_queries(connect: Connect) -> None:
    client, other = connect(settings={"max_threads": 3}), connect()
    for _ in range(3):
        assert client.execute("SELECT getSetting('max_threads')") == [(3,)]
    assert other.execute("SELECT getSetting('max_threads') = 3") == [(0,)]


def test_a_setting_with_quotes_reaches_the_engine(client: Client) -> None:
    value = "it's \\ ünï"
    statement = "SELECT getSetting('format_schema')"
    assert client.execute(statement, settings={"format_schema": value}) == [(value,)]


def test_read_only_lasts_for_its_query(client: Client) -> None:
    client.execute("CREATE TABLE t (a Int32) ENGINE = MergeTree ORDER BY a")
    with pytest.raises(ServerException) as caught:
        client.execute("INSERT INTO t SELECT 1", settings={"readonly": 1, "max_threads": 2})
    assert caught.value.code == 164
    with pytest.raises(ServerException) as caught:
        client.execute("INSERT INTO t VALUES", [(1,)], settings={"readonly": 1})
    assert caught.value.code == 164
    assert client.execute("SELECT count() FROM t", settings={"readonly": 1}) == [(0,)]
    client.execute("INSERT INTO t SELECT 1")
    assert client.execute("SELECT count() FROM t") == [(1,)]


def test_what_the_session_set_itself_survives_a_read_only_query(client: Client) -> None:
    client.execute("SET max_threads = 5")
    for _ in range(2):
        assert client.execute("SELECT getSetting('max_threads')", settings={"readonly": 1}) == [
            (5,)
        ]
        assert client.execute("SELECT getSetting('max_threads')") == [(5,)]


def test_unknown_settings_are_ignored_unless_important(connect: Connect) -> None:
    assert connect(settings={"no_such_setting": 1}).execute("SELECT 1") == [(1,)]
    strict = connect(settings={"no_such_setting": 1}, settings_is_important=True)
    with pytest.raises(ServerException) as caught:
        strict.execute("SELECT 1")
    assert caught.value.code == 115


def test_a_wrong_value_of_a_setting_is_an_error_of_its_query(client: Client) -> None:
    with pytest.raises(ServerException):
        client.execute("SELECT 1", settings={"max_threads": "many"})
    assert client.execute("SELECT 1") == [(1,)]


def test_session_state_stays_in_its_connection(connect: Connect, database: str) -> None:
    one, other = connect(), connect()
    one.execute("CREATE TEMPORARY TABLE mine (a Int32)")
    one.execute("INSERT INTO mine VALUES", [(1,)])
    assert one.execute("SELECT * FROM mine") == [(1,)]
    with pytest.raises(ServerException):
        other.execute("SELECT * FROM mine")
    one.execute("USE system")
    assert one.execute("SELECT currentDatabase()") == [("system",)]
    assert other.execute("SELECT currentDatabase()") == [(database,)]


@pytest.mark.parametrize("compression", [False, "lz4"])
def test_tables_that_come_with_a_query(connect: Connect, compression: str | bool) -> None:
    client = connect(compression=compression)
    tables = [
        {
            "name": "wanted",
            "structure": [("n", "UInt64"), ("s", "String")],
            "data": [{"n": 3, "s": "c"}],
        },
        {"name": "other", "structure": [("n", "UInt64")], "data": [{"n": 5}, {"n": 3}]},
    ]
    statement = (
        "SELECT number, s FROM numbers(9) AS r JOIN wanted ON n = number WHERE number IN other"
    )
    for _ in range(2):
        assert client.execute(statement, external_tables=tables) == [(3, "c")]
    with pytest.raises(ServerException) as caught:
        client.execute("SELECT * FROM wanted")
    assert caught.value.code == 60


def test_tables_about_tables(client: Client, database: str) -> None:
    client.execute("CREATE TABLE t (a Int32, b String) ENGINE = MergeTree ORDER BY a")
    assert client.execute("EXISTS TABLE t") == [(1,)]
    assert client.execute("SHOW TABLES") == [("t",)]
    assert [row[:2] for row in client.execute("DESCRIBE TABLE t")] == [
        ("a", "Int32"),
        ("b", "String"),
    ]
    assert "MergeTree" in client.execute("SHOW CREATE TABLE t")[0][0]
    assert client.execute("EXPLAIN SELECT 1")
    client.execute("INSERT INTO t VALUES (1, 'x')")
    assert 1 in client.execute("CHECK TABLE t")[0]
    assert client.execute("ALTER TABLE t ADD COLUMN c Int8") == []


@only_embedded
def test_totals_are_refused_rather_than_dropped(client: Client) -> None:
    with pytest.raises(ServerException) as caught:
        client.execute("SELECT number % 2, count() FROM numbers(9) GROUP BY 1 WITH TOTALS")
    assert caught.value.code == 48
    rows = client.execute("SELECT number % 2 AS k, count() FROM numbers(9) GROUP BY k WITH ROLLUP")
    assert len(rows) == 3


def test_a_statement_needs_no_utf_8(client: Client) -> None:
    class Raw(str):
        __slots__ = ()

        def encode(self, *_: str) -> bytes:
            return b"SELECT length('a\xff') AS n"

    assert client.execute(Raw("x")) == [(2,)]


def test_one_trailing_semicolon_and_a_format_are_fine(client: Client) -> None:
    assert client.execute("SELECT 1; ") == [(1,)]
    assert client.execute("SELECT 1 FORMAT JSON") == [(1,)]
    assert client.execute("SELECT 1 AS format SETTINGS max_threads = 1") == [(1,)]


def test_progress_and_profile_tell_what_was_read(client: Client) -> None:
    client.execute("SELECT sum(number) FROM numbers(1000)")
    assert client.last_query.progress.rows == 1000
    assert client.last_query.profile_info.rows == 1
    progress = client.execute_with_progress("SELECT count() FROM numbers(1000)")
    assert [done for done, _ in progress] and progress.get_result() == [(1000,)]


def test_ping_and_reconnect(client: Client) -> None:
    assert client.execute("SELECT 1") == [(1,)]
    assert client.connection.ping()
    client.disconnect()
    assert client.execute("SELECT 2") == [(2,)]


def test_a_wrong_password_or_user_is_516(connect: Connect) -> None:
    for wrong in ({"password": "guess"}, {"user": "nobody"}, {"user": "nobody", "password": ""}):
        with pytest.raises(ServerException) as caught:
            connect(**wrong).execute("SELECT 1")
        assert caught.value.code == 516


def test_an_unknown_database_is_81(connect: Connect) -> None:
    with pytest.raises(ServerException) as caught:
        connect(database="nowhere").execute("SELECT 1")
    assert caught.value.code == 81


@only_embedded
def test_an_old_client_is_told_so(connect: Connect) -> None:
    with pytest.raises(ServerException) as caught:
        connect(client_revision=54406).execute("SELECT 1")
    assert caught.value.code == 48


def test_arrow_and_dataframes(connect: Connect) -> None:
    client = connect(settings={"use_numpy": True})
    table = client.query_arrow("SELECT number AS n, toString(number) AS s FROM numbers(70000)")
    assert table.num_rows == 70_000
    frame = client.query_dataframe("SELECT number AS n, toString(number) AS s FROM numbers(3)")
    assert list(frame["s"]) == ["0", "1", "2"]
    client.execute("CREATE TABLE t (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
    assert client.insert_dataframe("INSERT INTO t VALUES", frame) == 3


@pytest.mark.parametrize("late", [False, True])
def test_dictionaries_show_a_new_price_after_a_reload(client: Client, late: bool) -> None:
    client.execute(
        "CREATE TABLE prices (model String, since Date, until Date, price Decimal(38, 12)) "
        "ENGINE = MergeTree ORDER BY model"
    )
    client.execute(
        "INSERT INTO prices VALUES "
        "('m', '2026-01-01', '2026-02-01', 1), ('m', '2026-02-01', '2099-01-01', 2)"
    )
    database = client.execute("SELECT currentDatabase()")[0][0]
    client.execute(
        "CREATE DICTIONARY rates (model String, since Date, until Date, price Decimal(38, 12)) "
        "PRIMARY KEY model "
        f"SOURCE(CLICKHOUSE(DB '{database}' TABLE 'prices')) LIFETIME(0) "
        "LAYOUT(COMPLEX_KEY_RANGE_HASHED(range_lookup_strategy 'max')) RANGE(MIN since MAX until)"
    )
    day = "2026-02-01" if late else "2026-01-31"
    statement = f"SELECT toString(dictGet('rates', 'price', tuple('m'), toDate('{day}')))"
    assert client.execute(statement) == [("2" if late else "1",)]
    client.execute(
        "ALTER TABLE prices UPDATE price = price + 5 WHERE 1 SETTINGS mutations_sync = 2"
    )
    client.execute("SYSTEM RELOAD DICTIONARY rates")
    assert client.execute(statement) == [("7" if late else "6",)]

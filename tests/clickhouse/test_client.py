"""The client: what it binds, what it returns, how it fails."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest

from finops.clickhouse.client import Warehouse, connect, warehouse
from finops.clickhouse.errors import QueryFailed, QueryTimeout, Unavailable

INSTANT = datetime(2026, 3, 29, 1, 59, 59, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "value", "back"),
    [
        ("String", "it's \\ a\ttab\nand 'ünï' {x:UInt8}", "it's \\ a\ttab\nand 'ünï' {x:UInt8}"),
        ("String", "", ""),
        ("UInt64", 2**64 - 1, 2**64 - 1),
        ("Int64", -5, -5),
        ("Decimal(38, 12)", Decimal("0.000000000001"), Decimal("0.000000000001")),
        ("Decimal(38, 12)", Decimal("1E+3"), Decimal(1000)),
        ("DateTime64(6, 'UTC')", INSTANT, INSTANT),
        ("DateTime('UTC')", INSTANT.replace(microsecond=0), INSTANT.replace(microsecond=0)),
        ("Bool", True, True),
        ("Array(String)", ["a'b", "c\\d", ""], ["a'b", "c\\d", ""]),
        ("Array(UInt64)", (1, 2), [1, 2]),
        ("Array(DateTime64(6, 'UTC'))", [INSTANT], [INSTANT]),
        ("Array(String)", [], []),
    ],
)
def test_a_value_comes_back_as_it_was_bound(
    ch: Warehouse, kind: str, value: Any, back: Any
) -> None:
    (row,) = ch.query(f"SELECT {{x:{kind}}} AS x", {"x": value})
    assert row["x"] == back


def test_a_time_of_another_zone_is_the_same_instant(ch: Warehouse) -> None:
    tokyo = INSTANT.astimezone(timezone(timedelta(hours=9)))
    (row,) = ch.query("SELECT {x:DateTime64(6, 'UTC')} AS x", {"x": tokyo})
    assert row["x"] == INSTANT


@pytest.mark.parametrize("value", [None, datetime(2026, 1, 1), [None]])  # noqa: DTZ001
def test_none_and_times_without_zone_are_refused_before_they_are_sent(
    ch: Warehouse, value: Any
) -> None:
    with pytest.raises(TypeError, match="parameter x"):
        ch.query("SELECT {x:String}", {"x": value})


def test_a_value_is_never_read_as_sql(ch: Warehouse) -> None:
    text = "' OR 1 = 1; DROP TABLE calls --"
    assert ch.query("SELECT 1 WHERE 'x' = {x:String}", {"x": text}) == []
    assert ch.query("SELECT count() AS n FROM calls") == [{"n": 0}]


def test_an_insert_of_columns_says_how_many_rows_it_wrote(ch: Warehouse) -> None:
    # A time long past would have the row forgotten at the next merge.
    now = datetime.now(UTC)
    written = ch.insert(
        "segments", {"segment": ["a", "b"], "spans": [1, 2], "loaded_at": [now, now]}
    )
    assert written == 2
    assert ch.query("SELECT segment, spans FROM segments ORDER BY segment") == [
        {"segment": "a", "spans": 1},
        {"segment": "b", "spans": 2},
    ]


def test_a_wrong_statement_carries_the_servers_code_and_no_stack(ch: Warehouse) -> None:
    with pytest.raises(QueryFailed, match="no_such_table") as caught:
        ch.query("SELECT * FROM no_such_table")
    assert caught.value.code == 60
    assert not caught.value.retryable
    assert "Stack trace" not in str(caught.value)


def test_a_statement_at_its_time_limit_may_be_retried(ch: Warehouse) -> None:
    with pytest.raises(QueryTimeout) as caught:
        ch.query("SELECT sleepEachRow(1) FROM numbers(3)", settings={"max_execution_time": 1})
    assert caught.value.retryable


def test_the_connection_is_good_again_after_an_error(ch: Warehouse) -> None:
    with pytest.raises(QueryFailed):
        ch.query("SELECT")
    assert ch.query("SELECT 1 AS one") == [{"one": 1}]


def test_nobody_there_is_unavailable_and_may_be_retried() -> None:
    with pytest.raises(Unavailable, match="doesn't answer"):
        connect("clickhouse://u:p@127.0.0.1:1/x").query("SELECT 1")


def test_a_wrong_password_says_so_and_not_which(clickhouse_url: str) -> None:
    url = urlsplit(clickhouse_url)
    netloc = f"{url.username}:wrong@{url.hostname}:{url.port}"
    with pytest.raises(QueryFailed, match="refused the user or password") as caught:
        connect(url._replace(netloc=netloc).geturl()).query("SELECT 1")
    assert str(url.password) not in str(caught.value)


def test_a_stream_that_is_left_early_leaves_the_connection_usable(ch: Warehouse) -> None:
    rows = ch.stream("SELECT number FROM numbers({n:UInt64})", {"n": 10**9})
    assert [next(rows)["number"] for _ in range(3)] == [0, 1, 2]
    rows.close()  # type: ignore[attr-defined]
    assert ch.query("SELECT 1 AS one") == [{"one": 1}]


@pytest.mark.usefixtures("configured_ch")
def test_each_thread_is_lent_its_own_connection() -> None:
    lent: list[Warehouse] = []

    def borrow() -> None:
        with warehouse() as first, warehouse() as second:
            assert first is second
            assert first.query("SELECT 1 AS one") == [{"one": 1}]
            lent.append(first)
            first.close()

    run_in_threads(borrow, 2)
    assert len({id(one) for one in lent}) == 2


def run_in_threads(work: Callable[[], None], count: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

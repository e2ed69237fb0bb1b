"""Every column type comes back as it was sent."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException

from tests.clickhouse.embedded.conftest import Connect, only_embedded

NOON = datetime(2026, 3, 29, 12, 0, 1, tzinfo=UTC)
MICROS = NOON.replace(microsecond=123456)

TYPES: list[tuple[str, list[Any]]] = [
    ("UInt8", [0, 1, 255]),
    ("UInt16", [0, 65535]),
    ("UInt32", [0, 2**32 - 1]),
    ("UInt64", [0, 2**64 - 1]),
    ("Int8", [-128, 127]),
    ("Int16", [-(2**15), 2**15 - 1]),
    ("Int32", [-(2**31), 2**31 - 1]),
    ("Int64", [-(2**63), 2**63 - 1]),
    ("Int128", [-(2**127), 2**127 - 1]),
    ("UInt256", [0, 2**256 - 1]),
    ("Float32", [0.0, -1.5, 3.25]),
    ("Float64", [0.1, -1e300, 5e-324]),
    ("Bool", [True, False]),
    ("String", ["", "a", "ü€😀", "tab\there", "two\n\nlines", "q'\"`\\", "x" * 127, "y" * 70_000]),
    ("FixedString(4)", ["abcd", "efgh"]),
    ("LowCardinality(String)", ["red", "", "red", "blue"]),
    ("LowCardinality(Nullable(String))", ["red", None, "", "red"]),
    ("Nullable(String)", [None, "", "x"]),
    ("Nullable(Int64)", [None, 0, -1]),
    ("Nullable(Float64)", [None, 0.5]),
    ("Nullable(Decimal(38, 12))", [None, Decimal("0.000000000001")]),
    ("Nullable(DateTime64(6, 'UTC'))", [None, MICROS]),
    ("Date", [date(1970, 1, 1), date(2149, 6, 6)]),
    ("Date32", [date(1900, 1, 1), date(2299, 12, 31)]),
    ("DateTime('UTC')", [NOON]),
    ("DateTime64(3, 'UTC')", [NOON.replace(microsecond=7000)]),
    ("DateTime64(6, 'UTC')", [MICROS]),
    ("Decimal(9, 2)", [Decimal("-1234567.89"), Decimal("0.00")]),
    ("Decimal(18, 6)", [Decimal("999999999999.999999")]),
    ("Decimal(38, 12)", [Decimal("-99999999999999999999999999.999999999999"), Decimal("1E-12")]),
    ("Decimal(76, 20)", [Decimal(10) ** 55, Decimal("-1E-20")]),
    ("UUID", [UUID(int=0), UUID("8b86b13e-3d04-4a53-9f6c-5f1f3ad5e0a7")]),
    ("IPv4", [IPv4Address("0.0.0.0"), IPv4Address("192.168.0.255")]),
    ("IPv6", [IPv6Address("::1"), IPv6Address("2001:db8::ff00:42:8329")]),
    ("Enum8('it''s' = -1, 'a,b' = 2)", ["it's", "a,b"]),
    ("Enum16('x = 1' = 1000, ')' = -5)", ["x = 1", ")"]),
    ("Array(UInt64)", [[], [1], [1, 2, 3]]),
    ("Array(Array(String))", [[], [[]], [["a", "b"], [], ["c"]]]),
    ("Array(Nullable(Float64))", [[None, 1.5], []]),
    ("Array(LowCardinality(String))", [["a", "b", "a"], []]),
    ("Array(LowCardinality(Nullable(String)))", [["a", None], []]),
    ("Map(LowCardinality(String), String)", [{}, {"k": "v", "": "w"}]),
    ("Map(String, Array(UInt8))", [{"a": [1, 2]}, {}]),
    ("Map(String, Map(String, Int8))", [{"a": {"b": 1}}, {}]),
    ("Tuple(Int32, String)", [(1, "a"), (-1, "")]),
    ("Tuple(id Int32, `odd name` LowCardinality(String))", [(1, "a"), (2, "b")]),
    (
        "Tuple(a Tuple(b Nullable(String), c Array(Int8)), d Date)",
        [((None, [1]), date(2026, 1, 1))],
    ),
    ("Array(Tuple(name LowCardinality(String), tokens UInt32))", [[("a", 1), ("b", 2)], []]),
    ("SimpleAggregateFunction(sum, UInt64)", [5, 7]),
    ("SimpleAggregateFunction(max, Nullable(String))", ["a", None]),
]
COMPRESSION = [False, "lz4"]


def plain(type_name: str, value: Any) -> Any:
    """The driver gives a named tuple as a dict; compare what is in it."""
    if "Tuple(" not in type_name:
        return value
    if isinstance(value, dict) and not type_name.startswith("Map"):
        return tuple(plain(type_name, one) for one in value.values())
    if isinstance(value, list | tuple):
        return type(value)(plain(type_name, one) for one in value)
    return value


@pytest.mark.parametrize("compression", COMPRESSION)
@pytest.mark.parametrize(("type_name", "values"), TYPES, ids=[name for name, _ in TYPES])
def test_values_come_back_as_they_were_sent(
    connect: Connect, type_name: str, values: list[Any], compression: str | bool
) -> None:
    client = connect(compression=compression)
    client.execute(
        f"CREATE TABLE t (n UInt32, value {type_name}) ENGINE = MergeTree ORDER BY n "
        "SETTINGS allow_nullable_key = 1"
    )
    rows = list(enumerate(values))
    assert client.execute("INSERT INTO t VALUES", rows) == len(rows)
    assert client.execute(
        "INSERT INTO t (n, value) VALUES", list(zip(*rows, strict=True)), columnar=True
    )
    got, types = client.execute("SELECT n, value FROM t ORDER BY n", with_column_types=True)
    assert [plain(type_name, value) for _, value in got] == [v for v in values for _ in (1, 2)]
    # A server writes some types in its own words: '' in Enum, Decimal's spaces.
    assert types[1][1].split("(")[0] == type_name.split("(", maxsplit=1)[0]


def test_all_types_in_one_table(client: Client) -> None:
    columns = ", ".join(f"c{i} {type_name}" for i, (type_name, _) in enumerate(TYPES))
    client.execute(f"CREATE TABLE wide ({columns}) ENGINE = MergeTree ORDER BY tuple()")
    row = [values[0] for _, values in TYPES]
    assert client.execute("INSERT INTO wide VALUES", [row] * 3) == 3
    got = client.execute("SELECT * FROM wide")
    names = [type_name for type_name, _ in TYPES]
    assert [[plain(t, v) for t, v in zip(names, one, strict=True)] for one in got] == [row] * 3


def test_numpy_columns_come_back_as_they_were_sent(connect: Connect) -> None:
    client = connect(settings={"use_numpy": True})
    client.execute(
        "CREATE TABLE t (a Int64, b Float32, c DateTime64(3, 'UTC'), d LowCardinality(String), "
        "e String, f Nullable(Int32)) ENGINE = MergeTree ORDER BY a"
    )
    sent = [
        np.arange(70_000, dtype="int64"),
        np.linspace(0, 1, 70_000, dtype="float32"),
        np.datetime64("2026-01-01T00:00:00.001") + np.arange(70_000).astype("timedelta64[s]"),
        np.array(["a", "b"] * 35_000, dtype=object),
        np.array([str(i) for i in range(70_000)], dtype=object),
        np.array([None, 1] * 35_000, dtype=object),
    ]
    assert client.execute("INSERT INTO t VALUES", sent, columnar=True) == 70_000
    got = client.execute("SELECT * FROM t ORDER BY a", columnar=True)
    assert (got[0] == sent[0]).all()
    assert (got[1] == sent[1]).all()
    assert (got[2] == sent[2]).all()
    assert list(got[3]) == list(sent[3])
    assert list(got[4]) == list(sent[4])
    assert list(got[5][:2]) == [None, 1]


def test_null_literals_and_intervals(client: Client) -> None:
    assert client.execute("SELECT NULL, [], [NULL], map('a', NULL)")[0] == (
        None,
        [],
        [None],
        {"a": None},
    )
    assert client.execute("SELECT toIntervalDay(2), toIntervalHour(3)") == [(2, 3)]


def test_aggregate_states_stay_inside_the_server(client: Client) -> None:
    client.execute(
        "CREATE TABLE s (k UInt8, total AggregateFunction(sum, UInt64), "
        "q AggregateFunction(quantileTDigest, Float64)) ENGINE = AggregatingMergeTree ORDER BY k"
    )
    client.execute(
        "INSERT INTO s SELECT number % 2, sumState(number), quantileTDigestState(toFloat64(number))"
        " FROM numbers(10) GROUP BY 1"
    )
    rows = client.execute(
        "SELECT k, sumMerge(total), quantileTDigestMerge(q) FROM s GROUP BY k ORDER BY k"
    )
    assert rows == [(0, 20, 4.0), (1, 25, 5.0)]


@only_embedded
@pytest.mark.parametrize(
    "expression", ["sumState(number)", "1::Variant(UInt8, String)", "'{}'::JSON", "1::Dynamic"]
)
def test_a_type_that_cannot_be_sent_is_a_clear_error(client: Client, expression: str) -> None:
    with pytest.raises(ServerException) as caught:
        client.execute(f"SELECT {expression} FROM numbers(1)")
    assert caught.value.code == 50
    assert "can't be sent or received" in caught.value.message
    assert client.execute("SELECT 1") == [(1,)]

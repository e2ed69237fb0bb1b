"""The end of a column is found for every type that chDB writes."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from clickhouse_driver import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finops.clickhouse.embedded.block import BLOCK_INFO, receive_block, wire_block
from finops.clickhouse.embedded.errors import ClientGone, ProtocolViolation, QueryError
from finops.clickhouse.embedded.session import literal
from finops.clickhouse.embedded.stream import ByteStream, no_more
from finops.clickhouse.embedded.walker import column_of
from tests.clickhouse.embedded.conftest import Connect, only_embedded

FILES = itertools.count()

NUMBERS = ["UInt8", "UInt64", "Int16", "Int32", "Int128", "UInt256", "Float32", "Float64", "Bool"]
TIMES = ["Date", "Date32", "DateTime", "DateTime('Asia/Tokyo')", "DateTime64(6, 'UTC')"]
OTHERS = ["UUID", "IPv4", "IPv6", "FixedString(3)", "Decimal(9, 2)", "Decimal(38, 12)"]
ENUMS = ["Enum8('a' = 1, 'b,)' = 2)", "Enum16('it\\'s' = -5, '`' = 1000)"]
TEXTS = ["String", "LowCardinality(String)", "LowCardinality(Nullable(String))"]
KEYS = ["String", "UInt32", "LowCardinality(String)", "FixedString(3)"]

scalars = st.sampled_from(NUMBERS + TIMES + OTHERS + ENUMS + TEXTS)
plain = st.sampled_from([*NUMBERS, *TIMES, *OTHERS, *ENUMS, "String"])


def containers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        inner.map("Array({})".format),
        st.tuples(st.sampled_from(KEYS), inner).map(lambda kv: f"Map({kv[0]}, {kv[1]})"),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"Tuple({', '.join(parts)})"),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda parts: f"Tuple({', '.join(f'`n {i}` {part}' for i, part in enumerate(parts))})"
        ),
    )


types = st.recursive(st.one_of(scalars, plain.map("Nullable({})".format)), containers, max_leaves=4)


@only_embedded
@given(
    type_names=st.lists(types, min_size=1, max_size=4),
    rows=st.sampled_from([1, 2, 17, 300]),
    seed=st.integers(0, 2**32 - 1),
    cuts=st.integers(1, 5000),
)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_the_walker_ends_where_chdb_ended(
    client: Client, tmp_path: Path, type_names: list[str], rows: int, seed: int, cuts: int
) -> None:
    structure = ", ".join(f"c{i} {name}" for i, name in enumerate(type_names))
    path = tmp_path / f"{next(FILES)}.native"
    client.execute(
        f"INSERT INTO FUNCTION file({literal(str(path))}, 'Native', {literal(structure)}) "
        f"SELECT * FROM generateRandom({literal(structure)}, {seed}, 5, 3) LIMIT {rows}"
    )
    native = path.read_bytes()
    stream = ByteStream(no_more, native)
    header, parts = wire_block(stream)
    wire = b"".join(parts)
    assert stream.pending_bytes == 0
    assert header.rows == rows
    assert len(header.columns) == len(type_names)

    # The way back, in pieces of any size: one byte a column goes, the rest is what chDB wrote.
    pieces = iter([wire[at : at + cuts] for at in range(len(BLOCK_INFO), len(wire), cuts)])
    back: list[bytes] = []
    source = ByteStream(lambda: next(pieces, b""))
    assert receive_block(source, back.append) == header
    assert b"".join(back) == native
    assert source.pending_bytes == 0 and next(pieces, None) is None


@given(st.lists(st.text(max_size=200), max_size=300), st.integers(1, 64))
def test_strings_are_passed_over_in_pieces_of_any_size(values: list[str], size: int) -> None:
    encoded = b"".join(
        bytes([len(b) & 127 | 128, len(b) >> 7]) + b if len(b) > 127 else bytes([len(b)]) + b
        for b in (value.encode() for value in values)
    )
    pieces = iter([encoded[at : at + size] for at in range(0, len(encoded), size)])
    copied: list[bytes] = []
    stream = ByteStream(lambda: next(pieces, b""))
    stream.copy_to(copied.append)
    stream.skip_strings(len(values))
    stream.copy_to(None)
    assert b"".join(copied) == encoded


@given(st.binary(max_size=300), st.sampled_from(["String", "Array(String)", "Map(String, UInt8)"]))
def test_bytes_that_are_no_column_end_in_an_error_or_inside(data: bytes, type_name: str) -> None:
    stream = ByteStream(no_more, data)
    try:
        column = column_of(type_name)
        column.prefix(stream)
        column.data(stream, 3)
    except (ClientGone, ProtocolViolation):
        return
    assert 0 <= stream.pending_bytes <= len(data)


@pytest.mark.parametrize(
    "type_name",
    [
        "",
        "Nonsense",
        "AggregateFunction(sum, UInt64)",
        "Variant(UInt8, String)",
        "Dynamic",
        "JSON",
        "Object('json')",
        "Array()",
        "Array(UInt8",
        "Nullable(UInt8, UInt8)",
        "Decimal(77, 1)",
        "Decimal(x)",
        "FixedString(x)",
        "UInt8; DROP",
        "Array(" * 40 + "UInt8" + ")" * 40,
    ],
)
def test_an_unknown_type_fails_loudly(type_name: str) -> None:
    with pytest.raises(QueryError) as caught:
        column_of(type_name)
    assert caught.value.code == 50


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x02" + b"\0" * 7, "version 2"),
        (b"\x01" + b"\0" * 7 + b"\x04\x02" + b"\0" * 6, "flags"),
        (b"\x01" + b"\0" * 7 + b"\x00\x03" + b"\0" * 6, "flags"),
        (b"\x01" + b"\0" * 7 + b"\x00\x02" + b"\0" * 6 + b"\0" * 8 + b"\x05" + b"\0" * 7, "keys"),
    ],
)
def test_a_strange_dictionary_is_refused(data: bytes, reason: str) -> None:
    stream = ByteStream(no_more, data)
    column = column_of("LowCardinality(String)")
    with pytest.raises(ProtocolViolation, match=reason):
        column.prefix(stream)
        column.data(stream, 3)


def test_an_array_inside_many_connections_keeps_its_rows(connect: Connect) -> None:
    statement = "SELECT arrayMap(x -> toString(x), range(number % 7)) FROM numbers(70000)"
    first, second = connect().execute(statement), connect(compression="lz4").execute(statement)
    assert first == second
    assert sum(len(row[0]) for row in first) == sum(n % 7 for n in range(70_000))

"""Where a column of ClickHouse's Native format ends: known only from its type.

A Column passes over the bytes of `rows` values. `prefix` comes once, before the data of the whole
column (LowCardinality has one); `data` follows. An unknown type is an error, never a guess.
Formats: src/DataTypes/Serializations in ClickHouse, which writes Native for revision 0 here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from finops.clickhouse.embedded.errors import UNKNOWN_TYPE, ProtocolViolation, QueryError
from finops.clickhouse.embedded.stream import ByteStream
from finops.clickhouse.embedded.type_names import arguments, element_type, split_name

MAX_DEPTH = 32
SHORT_NAME = 2048
"""Longer names, of long Enums, are read again each time rather than kept."""

SIZES = {
    **dict.fromkeys(("UInt8", "Int8", "Bool", "Enum8", "Nothing"), 1),
    **dict.fromkeys(("UInt16", "Int16", "Date", "Enum16", "BFloat16"), 2),
    **dict.fromkeys(("UInt32", "Int32", "Float32", "Date32", "DateTime", "Time", "IPv4"), 4),
    **dict.fromkeys(("UInt64", "Int64", "Float64", "DateTime64", "Time64"), 8),
    **dict.fromkeys(("UInt128", "Int128", "UUID", "IPv6"), 16),
    **dict.fromkeys(("UInt256", "Int256"), 32),
    **{"Decimal32": 4, "Decimal64": 8, "Decimal128": 16, "Decimal256": 32},
}
ALIASES = {
    "Point": "Tuple(Float64, Float64)",
    "Ring": "Array(Point)",
    "LineString": "Array(Point)",
    "MultiLineString": "Array(LineString)",
    "Polygon": "Array(Ring)",
    "MultiPolygon": "Array(Polygon)",
}
INTERVAL = re.compile(r"Interval[A-Z][a-z]+")


class Column(Protocol):
    """The layout of one column."""

    def prefix(self, stream: ByteStream) -> None: ...

    def data(self, stream: ByteStream, rows: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """Every value takes `size` bytes."""

    size: int

    def prefix(self, stream: ByteStream) -> None:
        pass

    def data(self, stream: ByteStream, rows: int) -> None:
        stream.skip(rows * self.size)


@dataclass(frozen=True, slots=True)
class Strings:
    """Every value is led by its length."""

    def prefix(self, stream: ByteStream) -> None:
        pass

    def data(self, stream: ByteStream, rows: int) -> None:
        stream.skip_strings(rows)


@dataclass(frozen=True, slots=True)
class Nullable:
    """A byte a row says which values are NULL; a value stands for each all the same."""

    inner: Column

    def prefix(self, stream: ByteStream) -> None:
        self.inner.prefix(stream)

    def data(self, stream: ByteStream, rows: int) -> None:
        stream.skip(rows)
        self.inner.data(stream, rows)


@dataclass(frozen=True, slots=True)
class Array:
    """The end of each row's values as a 64-bit offset, then all values."""

    inner: Column

    def prefix(self, stream: ByteStream) -> None:
        self.inner.prefix(stream)

    def data(self, stream: ByteStream, rows: int) -> None:
        if rows:
            stream.skip(8 * (rows - 1))
            self.inner.data(stream, stream.uint64())


@dataclass(frozen=True, slots=True)
class Tuple:
    """One column after the other; without elements, a byte a row."""

    elements: tuple[Column, ...]

    def prefix(self, stream: ByteStream) -> None:
        for element in self.elements:
            element.prefix(stream)

    def data(self, stream: ByteStream, rows: int) -> None:
        for element in self.elements:
            element.data(stream, rows)
        if not self.elements:
            stream.skip(rows)


@dataclass(frozen=True, slots=True)
class LowCardinality:
    """Version; then, when there are rows: flags with the width of keys, dictionary, keys."""

    inner: Column

    def prefix(self, stream: ByteStream) -> None:
        if (version := stream.uint64()) != 1:
            raise ProtocolViolation(f"LowCardinality version {version} is unknown.")

    def data(self, stream: ByteStream, rows: int) -> None:
        if not rows:
            return
        flags = stream.uint64()
        width = flags & 0xFF
        if width > 3 or flags & 0x100 or not flags & 0x200:
            raise ProtocolViolation(f"LowCardinality flags {flags:#x} are unknown.")
        self.inner.data(stream, stream.uint64())
        if (keys := stream.uint64()) != rows:
            raise ProtocolViolation(f"LowCardinality has {keys} keys for {rows} rows.")
        stream.skip(rows << width)


def column_of(type_name: str) -> Column:
    """The layout of a type; QueryError when there is none that we know."""
    return _remembered(type_name) if len(type_name) < SHORT_NAME else _build(type_name, 0)


@lru_cache(maxsize=1024)
def _remembered(type_name: str) -> Column:
    return _build(type_name, 0)


def _build(type_name: str, depth: int) -> Column:
    if depth > MAX_DEPTH:
        raise QueryError(UNKNOWN_TYPE, f"DB::Exception: Type is nested too deeply: {type_name}")
    name, inside = split_name(type_name)
    if name in ALIASES:
        return _build(ALIASES[name], depth + 1)
    return _simple(name, inside) or _nested(name, inside, depth + 1) or _unknown(type_name)


def _simple(name: str, inside: str) -> Column | None:
    if name in SIZES:
        return Fixed(SIZES[name])
    if name == "String":
        return Strings()
    if name == "FixedString" and inside.isdigit():
        return Fixed(int(inside))
    if name == "Decimal":
        return _decimal(inside)
    return Fixed(8) if INTERVAL.fullmatch(name) else None


def _decimal(inside: str) -> Column | None:
    digits = inside.partition(",")[0].strip()
    if not digits.isdigit() or not 1 <= int(digits) <= 76:
        return None
    sizes = ((9, 4), (18, 8), (38, 16), (76, 32))
    return Fixed(next(size for most, size in sizes if int(digits) <= most))


def _nested(name: str, inside: str, depth: int) -> Column | None:
    inner = arguments(inside)
    match name, inner:
        case "Nullable", [one]:
            return Nullable(_build(one, depth))
        case "Array", [one]:
            return Array(_build(one, depth))
        case "LowCardinality", [one]:
            # NULL is the dictionary's first entry, so the dictionary itself has no NULLs.
            column = _build(one, depth)
            return LowCardinality(column.inner if isinstance(column, Nullable) else column)
        case "Map", [key, value]:
            return Array(Tuple((_build(key, depth), _build(value, depth))))
        case "Tuple", elements:
            return _tuple(elements, depth)
        case "Nested", elements:
            return Array(_tuple(elements, depth))
        case "SimpleAggregateFunction", [_, one]:
            return _build(one, depth)
    return None


def _tuple(elements: list[str], depth: int) -> Tuple:
    return Tuple(tuple(_build(element_type(element), depth) for element in elements))


def _unknown(type_name: str) -> Column:
    raise QueryError(
        UNKNOWN_TYPE,
        f"DB::Exception: Columns of type {type_name} can't be sent or received by the embedded "
        "ClickHouse. Convert the column in the statement, as with toString(), toJSONString() or "
        "finalizeAggregation().",
    )

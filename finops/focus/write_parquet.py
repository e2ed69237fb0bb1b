"""FOCUS rows as Parquet: decimals of 24 places, times in UTC, one row group at a time in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from finops.focus.account import Row
from finops.focus.columns import Column, Version

ROWS_A_GROUP = 20_000
# Twelve places of a ratio times twelve of a bill; fourteen digits are left before the point.
PLACES = 24
KINDS = {
    "decimal": pa.decimal128(38, PLACES),
    "time": pa.timestamp("ms", tz="UTC"),
    "string": pa.string(),
    "json": pa.string(),
}


def write_parquet(rows: Iterable[Row], version: Version, target: Path | BinaryIO) -> None:
    """Write all rows; the file says which version of FOCUS it is."""
    schema = schema_of(version)
    remaining = iter(rows)
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for group in groups(remaining):
            writer.write_table(table_of(group, version, schema))


def schema_of(version: Version) -> Any:
    columns = [
        pa.field(column.name, KINDS[column.kind], nullable=column.nullable)
        for column in version.columns
    ]
    return pa.schema(columns, metadata={"focus_version": version.name})


def groups(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while group := list(islice(rows, ROWS_A_GROUP)):
        yield group


def table_of(rows: list[Row], version: Version, schema: Any) -> Any:
    """Build the columns; one cell that fills two columns is converted once."""
    arrays: dict[tuple[str, str], Any] = {}
    for column in version.columns:
        if (column.cell, column.kind) not in arrays:
            arrays[column.cell, column.kind] = array_of(rows, column)
    return pa.Table.from_arrays(
        [arrays[column.cell, column.kind] for column in version.columns], schema=schema
    )


def array_of(rows: list[Row], column: Column) -> Any:
    cells: list[Any] = [row[column.cell] for row in rows]
    if column.kind == "decimal":
        cells = [Decimal(cell) if isinstance(cell, int) else cell for cell in cells]
    return pa.array(cells, KINDS[column.kind])

"""A Parquet file as a table of texts, a batch at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, BinaryIO

from finops.invoices.errors import TooLarge, Unreadable
from finops.invoices.limits import Limits
from finops.invoices.text_rows import Row, Table

MAGIC = b"PAR1"
BATCH = 1_000
THRIFT_BYTES = 16 * 1024**2


def read_parquet(file: BinaryIO, limits: Limits) -> Table:
    """Read the schema; rows come as they are asked for. Raises Unreadable, TooLarge."""
    import pyarrow as pa  # noqa: PLC0415 - 0.3 s that only who has such a file pays
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        opened = pq.ParquetFile(
            file, thrift_string_size_limit=THRIFT_BYTES, thrift_container_size_limit=1_000_000
        )
        groups = [opened.metadata.row_group(i) for i in range(opened.metadata.num_row_groups)]
        names = [str(name) for name in opened.schema_arrow.names]
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Unreadable(f"The Parquet file can't be read: {first_line(error)}.") from None
    if opened.metadata.num_rows > limits.rows:
        raise TooLarge(f"The export has more than {limits.rows:,} rows: export fewer days.")
    if sum(group.total_byte_size for group in groups) > limits.unpacked_bytes:
        raise TooLarge(f"The export has more than {limits.unpacked_bytes:,} bytes.")
    if len(names) > limits.columns:
        raise TooLarge(f"The file has more than {limits.columns} columns.")
    return Table(names, rows_of(opened, limits))


def rows_of(opened: Any, limits: Limits) -> Iterator[Row]:
    import pyarrow as pa  # noqa: PLC0415

    number = 0
    try:
        for batch in opened.iter_batches(batch_size=BATCH):
            for values in batch.to_pylist():
                number += 1
                cells = {str(name): text_of(value) for name, value in values.items()}
                if sum(map(len, cells.values())) > limits.line_chars:
                    raise TooLarge(f"Row {number} has more than {limits.line_chars:,} characters.")
                yield Row(number, cells)
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise Unreadable(f"The Parquet file breaks off: {first_line(error)}.") from None


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["damaged"])[0][:200].rstrip(".")


def text_of(value: Any) -> str:
    """A value as the text that the CSV of the same export has."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, float):
        # The shortest decimal that is this double: what whoever wrote it meant.
        return format(Decimal(repr(value)), "f")
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, list | dict | tuple):
        return json.dumps(value, default=str)
    return str(value)

"""`manage.py slice_trace`: cut a small, reproducible slice out of a recorded trace."""

from __future__ import annotations

import gzip
import io
from argparse import ArgumentParser
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from finops.demo.thin import thin
from finops.replay.readers import READERS, azure, servegen
from finops.replay.readers.table import Row, read_rows
from finops.replay.readers.trace import TraceError

# What a slice keeps of each format, and the column whose values it keeps in proportion.
COLUMNS = {"azure": azure.COLUMNS, "servegen": servegen.COLUMNS}
CLIENT_COLUMN = {"azure": "", "servegen": "client"}


class Command(BaseCommand):
    help = (
        "Keep every n-th request of each client of a trace, in the order of arrival, and write it "
        "as gzip. The same source gives the same bytes."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", type=Path, help="the trace, plain or gzipped")
        parser.add_argument("target", type=Path, help="the slice to write (.csv.gz)")
        parser.add_argument("--format", choices=sorted(COLUMNS), required=True)
        parser.add_argument("--every", type=int, required=True, help="n: 1 keeps all")

    def handle(self, **options: Any) -> None:
        source, target, every = options["source"], options["target"], options["every"]
        if every < 1:
            raise CommandError("--every must be 1 or more.")
        try:
            written = write_slice(source, target, options["format"], every)
        except TraceError as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{target}: can't be written: {error.strerror}.") from None
        self.stdout.write(f"{target}: {written} requests, {target.stat().st_size} bytes")


def write_slice(source: Path, target: Path, trace_format: str, every: int) -> int:
    """Write the slice whole or not at all; returns how many requests it holds."""
    for _ in READERS[trace_format](source):
        pass  # all of the source has to be right, the lines that are left out too
    text = io.StringIO()
    columns = COLUMNS[trace_format]
    text.write(",".join(columns) + "\n")
    written = 0
    for row in slice_rows(source, trace_format, every):
        text.write(",".join(row.cells[column] for column in columns) + "\n")
        written += 1
    # no time inside the gzip: bytes that depend on the day can't be compared
    target.write_bytes(gzip.compress(text.getvalue().encode(), 9, mtime=0))
    return written


def slice_rows(source: Path, trace_format: str, every: int) -> Iterator[Row]:
    column = CLIENT_COLUMN[trace_format]
    rows = read_rows(source, COLUMNS[trace_format])
    return thin(rows, Fraction(1, every), lambda row: row.cells[column] if column else "")

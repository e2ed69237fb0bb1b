"""Read an export whole: find its format, collect its lines, and say what is wrong with the others.

All or nothing: where one line can't be read nothing is taken in, since a bill without some of its
lines reconciles to a wrong gap that nobody sees. The problems are told with their lines, so that
the file can be put right or fetched again; the lines that are good are shown beside them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import BinaryIO

from finops.invoices.errors import BadLines, TooLarge, Unreadable, WrongMapping
from finops.invoices.formats import (
    MAPPED,
    PAGES,
    TABLES,
    check_name,
    pages_format,
    table_format,
)
from finops.invoices.json_pages import incomplete, read_pages
from finops.invoices.limits import LIMITS, Limits
from finops.invoices.line import Covered, Found, InvoiceLine, Problem
from finops.invoices.mapped_csv import read as read_mapped
from finops.invoices.mapping import read_mapping
from finops.invoices.parquet import MAGIC, read_parquet
from finops.invoices.text_rows import BOMS, read_table, unpack

MORE_PAGES = (
    "The last page says has_more: the export stops before its end. Fetch the next pages too."
)


@dataclass(slots=True)
class Reading:
    """What was found. `problem_count` counts all; `problems` holds the first of them."""

    format: str
    lines: list[InvoiceLine] = field(default_factory=list)
    covered: list[Covered] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    problem_count: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def first_day(self) -> date | None:
        return min(self.days, default=None)

    @property
    def last_day(self) -> date | None:
        return max(self.days, default=None)

    @property
    def days(self) -> set[date]:
        return {line.day for line in self.lines} | {one.day for one in self.covered}

    def refuse_problems(self) -> None:
        """Raise BadLines where a line can't be read."""
        if self.problem_count:
            raise BadLines(self.problems, self.problem_count)


def read_invoice(
    file: BinaryIO,
    *,
    format: str = "",
    mapping: str = "",
    account: str = "",
    limits: Limits = LIMITS,
) -> Reading:
    """Read a seekable file. `format` '' is found out; `mapping` is JSON for the format csv.

    `account` names who is billed where the export doesn't. Raises InvoiceError, and never for a
    single line: those are in the answer.
    """
    if format:
        check_name(format)
    kind = kind_of(file, limits)
    if kind == "json":
        pages = read_pages(file, limits)
        name = pages_format(format, pages)
        reading = Reading(name, notes=[MORE_PAGES] if incomplete(pages) else [])
        collect(reading, PAGES[name].read(pages, account, limits), limits)
        return reading
    table = read_parquet(file, limits) if kind == "parquet" else read_table(file, limits)
    if mapping.strip() and format in ("", MAPPED):
        reading = Reading(MAPPED)
        collect(reading, read_mapped(table, account, read_mapping(mapping)), limits)
        return reading
    if format == MAPPED:
        raise WrongMapping(
            "The format csv needs a mapping: which column is the day, the amount ..."
        )
    name = table_format(format, table.columns)
    reading = Reading(name)
    collect(reading, TABLES[name].read(table, account), limits)
    return reading


def kind_of(file: BinaryIO, limits: Limits) -> str:
    """Say parquet, json or csv by the first bytes; leaves the file at its start."""
    file.seek(0)
    head = b""
    for piece in unpack(file, limits):
        head += piece
        if len(head) >= 64:
            break
    file.seek(0)
    if not head.strip():
        raise Unreadable("The file is empty.")
    if head.startswith(MAGIC):
        return "parquet"
    for mark, encoding in BOMS:
        if head.startswith(mark):
            head = head[len(mark) : len(mark) + 64].decode(encoding, "ignore").encode()
    return "json" if head.lstrip()[:1] in (b"{", b"[") else "csv"


def collect(reading: Reading, found: Iterator[Found], limits: Limits) -> None:
    for one in found:
        if isinstance(one, Problem):
            reading.problem_count += 1
            if len(reading.problems) < limits.problems:
                reading.problems.append(one)
        elif isinstance(one, Covered):
            reading.covered.append(one)
        else:
            reading.lines.append(one)
            if len(reading.lines) > limits.lines:
                raise TooLarge(
                    f"The export has more than {limits.lines:,} lines about models: export fewer "
                    "days."
                )
    if not reading.lines and not reading.covered and not reading.problem_count:
        raise Unreadable("The file has no line about models.")

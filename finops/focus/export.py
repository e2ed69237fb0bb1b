"""Everything that a range cost, as FOCUS rows, one after the other in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from finops.clickhouse.client import Warehouse
from finops.focus.account import Account, Row
from finops.focus.columns import Version
from finops.focus.gpu_rows import gpu_rows
from finops.focus.token_rows import SkuBook, token_rows
from finops.queries import Range
from finops.queries.focus_gpus import gpu_parts
from finops.queries.focus_lines import focus_lines, slices


@dataclass(frozen=True, slots=True)
class Export:
    """Whose costs of when, in which version's columns."""

    workspace_id: int
    account: Account
    span: Range
    version: Version


@dataclass(slots=True)
class Tally:
    """What went into the file so far."""

    rows: int = 0
    billed_usd: Decimal = field(default_factory=Decimal)


def ignore(done: int, total: int) -> None:
    """Show nobody how far it is."""


def export_rows(
    ch: Warehouse,
    wanted: Export,
    tally: Tally,
    progress: Callable[[int, int], None] = ignore,
) -> Iterator[Row]:
    """Yield the rows of the range: hour by hour calls, then the GPUs of these hours.

    `tally` counts along; `progress` is told of calls done and of all calls. Calls without a price
    are in no row (a cost of 0 would be wrong, and FOCUS has no cost that is unknown): list them
    with `finops.queries.unpriced`.
    """
    parts = slices(ch, wanted.workspace_id, wanted.span)
    total, done = sum(part.calls for part in parts), 0
    for part in parts:
        book = SkuBook()
        for line in focus_lines(ch, wanted.workspace_id, part.span):
            for row in token_rows(line, wanted.account, book):
                yield counted(row, tally)
        of_hours = gpu_parts(ch, wanted.workspace_id, part.span)
        for row in gpu_rows(of_hours, wanted.account, splits=wanted.version.splits):
            yield counted(row, tally)
        done += part.calls
        progress(done, total)


def counted(row: Row, tally: Tally) -> Row:
    tally.rows += 1
    billed = row["BilledCost"]
    if isinstance(billed, Decimal):
        tally.billed_usd += billed
    return row

"""Unit costs as CSV, in pieces, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from finops.api.unit_cost_body import MEASURE_NAMES, measures_of
from finops.focus.spreadsheet import defuse
from finops.queries import Dimension, UnitCost

ROWS_A_PIECE = 500


def csv_pieces(rows: Iterable[UnitCost], group_by: Sequence[Dimension]) -> Iterator[str]:
    """Yield the header and then some hundred rows at a time; unknown numbers are empty cells."""
    yield write([(*group_by, *MEASURE_NAMES)])
    remaining = iter(rows)
    while piece := list(islice(remaining, ROWS_A_PIECE)):
        yield write(cells(row, group_by) for row in piece)


def cells(row: UnitCost, group_by: Sequence[Dimension]) -> list[object]:
    names = [defuse(row.group[dimension]) for dimension in group_by]
    return [*names, *measures_of(row).values()]


def write(rows: Iterable[Iterable[object]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue()

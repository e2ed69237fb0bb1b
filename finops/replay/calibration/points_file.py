"""A CSV file of measured points: checked cell by cell before the engine reads it."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path

from finops.engine.catalogue import Catalogue
from finops.engine.read_points import Group, read_points
from finops.engine.text_file import text_of
from finops.replay.calibration.errors import InvalidInput

REQUIRED = (
    "gpu",
    "model",
    "precision",
    "engine",
    "tp",
    "batch_or_concurrency",
    "isl",
    "osl",
    "ttft_ms",
    "tpot_ms",
)
NUMBERS = (*REQUIRED[4:], "attn_dp", "spread")


def read_points_file(path: Path, catalogue: Catalogue) -> tuple[list[Group], Mapping[str, int]]:
    """Groups of points, and how many rows were left out for which reason.

    Raises InvalidInput for a file that isn't one, with the line and the cell.
    """
    lines = text_of(path, InvalidInput).splitlines()
    check_rows(lines, path.name)
    return read_points(lines, catalogue)


def check_rows(lines: list[str], name: str) -> None:
    """Raise InvalidInput unless every row has a cell for each column, and numbers are numbers."""
    rows = csv.reader(lines)
    header = next(rows, [])
    missing = [column for column in REQUIRED if column not in header]
    if missing:
        raise InvalidInput(
            f"{name} has no column {', '.join(missing)}. It needs {', '.join(REQUIRED)}."
        )
    for row in rows:
        if not row:
            continue
        where = f"{name}, line {rows.line_num}"
        if len(row) != len(header):
            raise InvalidInput(f"{where} has {len(row)} cells, and the header {len(header)}.")
        check_row(dict(zip(header, row, strict=True)), where)


def check_row(row: Mapping[str, str], where: str) -> None:
    """Raise InvalidInput for a cell that no row may have."""
    for column in ("gpu", "model", "engine"):
        if not row[column].strip():
            raise InvalidInput(f"{where}: {column} is empty.")
    for column in NUMBERS:
        text = row.get(column) or "nan"
        try:
            value = float(text)
        except ValueError:
            raise InvalidInput(f"{where}: {column} must be a number, not {text!r}.") from None
        if math.isinf(value) or value < 0 or (value == 0 and column not in ("attn_dp", "spread")):
            raise InvalidInput(f"{where}: {column} must be above 0, not {text}.")

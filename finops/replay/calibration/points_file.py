"""A CSV file of measured points: checked cell by cell before the engine reads it."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
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
# What a cell may hold at the least and at the most. Beyond it lies a slip of the pen, or a
# simulation that takes longer than anybody waits.
BOUNDS = {
    "tp": (1, 1024),
    "batch_or_concurrency": (1, 20_000),
    "isl": (1, 10_000_000),
    "osl": (1, 10_000_000),
    "ttft_ms": (0.001, 1e9),
    "tpot_ms": (0.001, 1e9),
    "pp": (1, 1024),
    "attn_dp": (0, 1024),
    "ep": (0, 1024),
    "spread": (0, 1),
    "budget": (1, 10_000_000),
    "wait_steps": (0, 10_000),
}
LONGEST = 1000  # characters of a cell
WHOLE = ("tp", "batch_or_concurrency", "pp", "attn_dp", "ep", "budget", "wait_steps")


def read_points_file(path: Path, catalogue: Catalogue) -> tuple[list[Group], Mapping[str, int]]:
    """Groups of points, and how many rows were left out for which reason.

    Raises InvalidInput for a file that isn't one, with the line and the cell.
    """
    lines = text_of(path, InvalidInput).splitlines()
    check_rows(lines, path.name)
    return read_points(lines, catalogue)


def check_rows(lines: list[str], name: str) -> None:
    """Raise InvalidInput unless every row has a cell for each column, and numbers are numbers."""
    rows = csv_rows(lines, name)
    header = next(rows, (0, []))[1]
    missing = [column for column in REQUIRED if column not in header]
    if missing:
        raise InvalidInput(
            f"{name} has no column {', '.join(missing)}. It needs {', '.join(REQUIRED)}."
        )
    for line, row in rows:
        if not row:
            continue
        where = f"{name}, line {line}"
        if len(row) != len(header):
            raise InvalidInput(f"{where} has {len(row)} cells, and the header {len(header)}.")
        check_row(dict(zip(header, row, strict=True)), where)


def csv_rows(lines: list[str], name: str) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number of their last line; raises InvalidInput for what is no CSV."""
    rows = csv.reader(lines)
    try:
        for row in rows:
            if any(len(cell) > LONGEST for cell in row):
                raise InvalidInput(
                    f"{name}, line {rows.line_num}: a cell is longer than {LONGEST} characters."
                )
            yield rows.line_num, row
    except csv.Error as error:
        raise InvalidInput(f"{name}, line {rows.line_num} is no CSV: {error}.") from error


def check_row(row: Mapping[str, str], where: str) -> None:
    """Raise InvalidInput for a cell that no row may have."""
    for column in ("gpu", "model", "engine"):
        if not row[column].strip():
            raise InvalidInput(f"{where}: {column} is empty.")
    for column, (least, most) in BOUNDS.items():
        text = row.get(column) or "nan"
        try:
            value = float(text)
        except ValueError:
            raise InvalidInput(f"{where}: {column} must be a number, not {text!r}.") from None
        if math.isnan(value):
            continue
        if not least <= value <= most:
            raise InvalidInput(f"{where}: {column} must be from {least} to {most:.0f}, not {text}.")
        if column in WHOLE and not value.is_integer():
            raise InvalidInput(f"{where}: {column} must be a whole number, not {text}.")

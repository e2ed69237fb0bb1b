"""JSON that others wrote, read with errors that name the file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from finops.engine.observed.run import InvalidRun
from finops.engine.text_file import text_of


def json_lines(path: Path) -> Iterator[dict[str, object]]:
    """Objects of a file of JSON lines, gzipped or not; raises InvalidRun with the line."""
    for at, line in enumerate(text_of(path, InvalidRun).splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InvalidRun(f"{path.name}, line {at} is no JSON: {error}.") from error
        if not isinstance(row, dict):
            raise InvalidRun(f"{path.name}, line {at} must be an object.")
        yield row


def read_json(path: Path) -> dict[str, object]:
    """The object of a JSON file, gzipped or not; raises InvalidRun."""
    try:
        content = json.loads(text_of(path, InvalidRun))
    except (ValueError, RecursionError) as error:
        raise InvalidRun(f"{path.name} is no JSON: {error}.") from error
    if not isinstance(content, dict):
        raise InvalidRun(f"{path.name} must hold one object.")
    return content


def number(row: Mapping[str, object], name: str, path: Path) -> float:
    """A number of a row; raises InvalidRun if it isn't one."""
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidRun(f"{path.name}: every request needs a number as {name}.")
    return float(value)

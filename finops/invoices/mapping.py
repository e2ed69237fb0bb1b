"""The mapping of a plain CSV: which column is what, how it is written, and whose bill it is."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from finops.invoices.errors import WrongMapping

COLUMNS = (
    "day", "model", "amount", "currency", "quantity", "unit", "meter", "service_tier", "category",
    "project", "account", "description", "provider",
)  # fmt: skip
LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """`columns`: ours -> the file's. The others hold where no column says it."""

    columns: Mapping[str, str]
    provider: str = ""
    currency: str = "USD"
    unit: str = ""
    day_format: str = ""
    decimal_comma: bool = False


def read_mapping(text: str) -> ColumnMapping:
    """Read {"columns": {"day": "Date", ...}, "provider": "mistral", ...}; raises WrongMapping."""
    found = read_object(text)
    columns = found.get("columns")
    if not isinstance(columns, dict) or not all(isinstance(name, str) for name in columns.values()):
        raise WrongMapping("`columns` names a column of the file for each of ours.")
    if unknown := sorted(columns.keys() - set(COLUMNS)):
        raise WrongMapping(f"There is no column {unknown[0]!r}; ours are {', '.join(COLUMNS)}.")
    mapping = ColumnMapping(**{"columns": columns, **typed(found)})
    if "day" not in columns or not {"amount", "quantity"} & columns.keys():
        raise WrongMapping("`columns` needs at least day, and amount or quantity.")
    if not mapping.provider and "provider" not in columns:
        raise WrongMapping('Say whose bill it is: "provider": "mistral", or a column for it.')
    return mapping


def read_object(text: str) -> dict[str, Any]:
    if len(text) > LONGEST:
        raise WrongMapping("The mapping is too long.")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WrongMapping(f"The mapping is not JSON: {error}.") from None
    if not isinstance(found, dict):
        raise WrongMapping('The mapping is a JSON object, as {"columns": {"day": "Date"}}.')
    known = {field.name for field in fields(ColumnMapping)}
    if unknown := sorted(found.keys() - known):
        raise WrongMapping(f"The mapping knows {', '.join(sorted(known))}, not {unknown[0]!r}.")
    return found


def typed(found: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: value for name, value in found.items() if name != "columns"}
    comma = values.pop("decimal_comma", False)
    if not isinstance(comma, bool):
        raise WrongMapping("decimal_comma is true or false.")
    wrong = [
        name for name, value in values.items() if not isinstance(value, str) or len(value) > 100
    ]
    if wrong:
        raise WrongMapping(f"{wrong[0]} is a text.")
    if not re.fullmatch(r"[A-Za-z]{3}", values.get("currency", "USD")):
        raise WrongMapping("currency has three letters, as EUR.")
    return {**values, "decimal_comma": comma}


def check_columns(mapping: ColumnMapping, columns: list[str]) -> None:
    """Raise WrongMapping for a column that the file doesn't have."""
    missing = [name for name in mapping.columns.values() if name not in columns]
    if missing:
        there = ", ".join(columns[:20])
        raise WrongMapping(f"The file has no column {missing[0][:50]!r}; it has {there[:500]}.")

"""The pages of a provider's usage API as they were saved: one, several in a list, or one a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, BinaryIO

from finops.invoices.errors import TooLarge, Unreadable
from finops.invoices.limits import Limits
from finops.invoices.text_rows import decoded, unpack

NESTED = "(nested)"
DEEPEST = 4
NOT_PAGES = (
    "The JSON is not pages of a usage API: each is an object with `data`, a list of buckets with "
    "`results`."
)


@dataclass(frozen=True, slots=True)
class Result:
    """One result of one bucket, counted from 1; `cells` is None where a bucket has none."""

    number: int
    bucket: Mapping[str, Any]
    cells: Mapping[str, Any] | None
    problem: str = ""


def read_pages(file: BinaryIO, limits: Limits) -> list[Mapping[str, Any]]:
    """Read all pages, numbers as Decimal: a float loses cents. Raises Unreadable, TooLarge."""
    text = "".join(decoded(unpack(file, limits, bound=limits.json_bytes)))
    try:
        read = [json.loads(text, parse_float=Decimal, parse_constant=refuse)]
    except RecursionError:
        raise Unreadable(NOT_PAGES) from None
    except (ValueError, ArithmeticError) as error:  # a number of an exponent beyond all bounds
        read = by_line(text, error)
    found = read[0] if len(read) == 1 and isinstance(read[0], list) else read
    if not found or not all(isinstance(p, dict) and isinstance(p.get("data"), list) for p in found):
        raise Unreadable(NOT_PAGES)
    return found


def refuse(name: str) -> Any:
    raise ValueError(f"{name} is not a number")


def by_line(text: str, whole: Exception) -> list[Any]:
    """JSON Lines; what was wrong with the text as one document is told when it is none either."""
    try:
        return [
            json.loads(line, parse_float=Decimal, parse_constant=refuse)
            for line in text.splitlines()
            if line.strip()
        ]
    except (ValueError, ArithmeticError, RecursionError):
        told = whole if isinstance(whole, ValueError) else "it holds a number that is none"
        raise Unreadable(f"The JSON can't be read: {told}.") from None


def results_of(pages: list[Mapping[str, Any]], limits: Limits) -> Iterator[Result]:
    """Yield each result with its bucket; one without cells stands for a bucket without results."""
    number = 0
    for page in pages:
        for bucket in page["data"]:
            if not isinstance(bucket, dict) or not isinstance(bucket.get("results", []), list):
                number += 1
                yield Result(number, {}, None, "a bucket is not an object with `results`")
                continue
            results = bucket.get("results") or bucket.get("result") or []
            if not results:
                yield Result(number, bucket, None)
            for cells in results:
                number += 1
                if number > limits.rows:
                    raise TooLarge(f"The export has more than {limits.rows:,} results.")
                if isinstance(cells, dict):
                    yield Result(number, bucket, cells)
                else:
                    yield Result(number, bucket, None, "a result is not an object")


def incomplete(pages: list[Mapping[str, Any]]) -> bool:
    """Say whether the last page tells that there are more."""
    return bool(pages and pages[-1].get("has_more"))


def text_of(value: Any) -> str:
    """A JSON value as the text that it would be in a CSV; null is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return NESTED
    # 1e99999999 written out would fill the memory.
    if isinstance(value, Decimal) and abs(value.adjusted()) < 60:
        return format(value, "f")
    return str(value)


def flat(cells: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """The raw row: amount.value and the like side by side, empty ones left out."""
    row: dict[str, str] = {}
    for name, value in cells.items():
        if isinstance(value, dict) and prefix.count(".") < DEEPEST:
            row |= flat(value, f"{prefix}{name}.")
        elif text := text_of(value):
            row[f"{prefix}{name}"] = text
    return row

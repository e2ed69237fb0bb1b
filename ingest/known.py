"""Between decoding and normalising: what the dialect table knows of each span, numbered.

A lookup by name in a Map costs ten times what one by number in a short array does, and a span has
twice as many attributes as the table knows. So the attributes are numbered once, for all dialects,
into a table that lives as long as the batch is in hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from finops.clickhouse.client import Warehouse
from ingest.decode import quote
from ingest.slots import NAMES, Name

SPAN_COLUMNS = (
    "workspace_id",
    "trace_id",
    "span_id",
    "parent_span_id",
    "name",
    "started_at",
    "ended_at",
    "status_code",
    "status_message",
    "scope_name",
    "scope_version",
    "dialect",
    "segment",
    "received_at",
)
TAG = "finops.tag."


def numbered(attributes: str, numbers: dict[str, int]) -> str:
    """Return the numbers of a Map's keys; 0 for those that nobody reads."""
    keys = ", ".join(quote(name) for name in numbers)
    values = ", ".join(map(str, numbers.values()))
    return f"""arrayMap(
        key -> transform(key, [{keys}], [{values}]::Array(UInt16), 0::UInt16),
        mapKeys({attributes}))"""


def tell(known: Mapping[Name, int]) -> str:
    """Return the statement that makes the table, for names with these numbers.

    `names` and `texts` belong together place by place; of two with one number the first counts.
    """
    of_span = {name: number for name, number in known.items() if isinstance(name, str)}
    of_resource = {name.name: number for name, number in known.items() if not isinstance(name, str)}
    return f"""
CREATE TEMPORARY TABLE told ENGINE = Memory AS
SELECT
    dialect,
    tuple({", ".join(SPAN_COLUMNS)}, tags) AS span,
    arrayFilter(number -> number != 0, numbers) AS names,
    arrayFilter((text, number) -> number != 0, all_texts, numbers) AS texts
FROM
(
    SELECT
        {", ".join(SPAN_COLUMNS)},
        mapApply(
            (key, value) -> (substring(key, {len(TAG) + 1}), value),
            mapFilter((key, value) -> startsWith(key, {quote(TAG)}), attributes)) AS tags,
        arrayConcat(
            {numbered("attributes", of_span)},
            {numbered("resource", of_resource)}) AS numbers,
        arrayConcat(mapValues(attributes), mapValues(resource)) AS all_texts
    FROM spans
    WHERE segment IN {{segments:Array(String)}}
        AND received_at >= {{since:DateTime64(3, 'UTC')}}
)
"""  # noqa: S608 (names are our own)


TELL_SETTINGS = {"max_threads": 1, "enable_named_columns_in_function_tuple": 1}

FORGET = "DROP TEMPORARY TABLE IF EXISTS told"
PRESENT = "SELECT dialect, groupUniqArrayArray(names) AS names FROM told GROUP BY dialect"


@contextmanager
def told(
    ch: Warehouse, params: Mapping[str, Any], known: Mapping[Name, int] = NAMES
) -> Iterator[Mapping[str, frozenset[int]]]:
    """Keep what is known of the spans of some segments; yields their dialects and what these say.

    The parameters are `segments`, their names, and `since`, a time before the first of their
    records came.
    """
    ch.command(FORGET)
    ch.command(tell(known), params, settings=TELL_SETTINGS)
    yield {row["dialect"]: frozenset(row["names"]) for row in ch.query(PRESENT)}
    ch.command(FORGET)

"""The generated statements: what the server has to analyse for each batch stays small."""

from __future__ import annotations

import pytest

from finops.clickhouse.client import Warehouse
from ingest.decode import DECODE
from ingest.dialects import DIALECTS
from ingest.dialects.table import Dialect
from ingest.known import tell
from ingest.meaning import CALLS
from ingest.normalise import find, mean
from ingest.slots import COLUMNS, NAMES

# Each function in a statement costs about a tenth of a millisecond before the first row is read.
MOST_FUNCTIONS = 600
MOST_BYTES = 40_000


def functions(statement: str) -> int:
    return statement.count("(")


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_what_a_dialect_finds_takes_few_functions(dialect: Dialect) -> None:
    statement = find(dialect, NAMES).query
    assert functions(statement) <= MOST_FUNCTIONS
    assert len(statement) <= MOST_BYTES


def test_the_statements_of_every_batch_are_small() -> None:
    sizes = {
        "decode": functions(DECODE),
        "tell": functions(tell(NAMES)),
        "mean": functions(mean(DIALECTS)),
    }
    assert {name: size for name, size in sizes.items() if size > MOST_FUNCTIONS // 2} == {}


def test_what_no_span_carries_is_not_in_the_statements() -> None:
    (gen_ai,) = (dialect for dialect in DIALECTS if dialect.name == "gen_ai")
    one = find(gen_ai, NAMES, frozenset({NAMES["gen_ai.request.model"]}))
    assert functions(one.query) < functions(find(gen_ai, NAMES).query) * 2 / 3
    assert COLUMNS["model_requested"] in one.columns
    assert COLUMNS["session_id"] not in one.columns
    assert mean(DIALECTS, one.columns).count("indexOf") < 10


def test_the_table_fills_no_column_that_nothing_reads() -> None:
    placed = {column for dialect in DIALECTS for column in dialect.fields}
    assert placed - COLUMNS.keys() == set()


def test_calls_has_every_column_that_is_made(ch: Warehouse) -> None:
    rows = ch.query(
        "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'calls'"
    )
    assert CALLS.keys() - {row["name"] for row in rows} == set()

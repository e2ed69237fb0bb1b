"""Tables that a client sends along with one query."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from finops.clickhouse.embedded.block import Columns
from finops.clickhouse.embedded.errors import QueryError
from finops.clickhouse.embedded.run_insert import file_source, receive_packet
from finops.clickhouse.embedded.session import Session, identifier
from finops.clickhouse.embedded.staging import StagedRows, Staging
from finops.clickhouse.embedded.stream import ByteStream

External = dict[str, tuple[StagedRows, Columns]]


def receive_external(
    stream: ByteStream, staging: Staging, files: ExitStack, *, compressed: bool
) -> External:
    """Receive the tables, up to the block without columns that follows every query."""
    staged: dict[str, StagedRows] = {}
    external: External = {}

    def stage(name: str) -> StagedRows:
        if name not in staged:
            staged[name] = files.enter_context(staging.rows())
        return staged[name]

    while True:
        name, header = receive_packet(stream, compressed=compressed, stage=stage)
        if not header.columns:
            return external
        external[name] = (staged[name], header.columns)


@contextmanager
def temporary_tables(session: Session, external: External) -> Iterator[None]:
    """Have the tables as temporary ones of the session."""
    made = []
    try:
        for name, (staged, columns) in external.items():
            structure = ", ".join(f"{identifier(one)} {type_name}" for one, type_name in columns)
            table = identifier(name)
            session.run(f"CREATE TEMPORARY TABLE {table} ({structure}) ENGINE = Memory")
            made.append(table)
            session.run(f"INSERT INTO {table} SELECT * FROM {file_source(staged, columns)}")
        yield
    finally:
        for table in made:
            with suppress(QueryError):
                session.run(f"DROP TEMPORARY TABLE IF EXISTS {table}")

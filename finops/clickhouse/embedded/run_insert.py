"""An INSERT whose rows come as blocks: staged in a file, then one ordinary INSERT SELECT.

chDB's own streaming insert would be faster and reports success for rows that a constraint, a
materialized view or the limit of parts refused. An ordinary statement fails with its code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from finops.clickhouse.embedded import packets
from finops.clickhouse.embedded.block import Columns, Header, read_block_info, receive_block
from finops.clickhouse.embedded.compression import read_frame
from finops.clickhouse.embedded.errors import (
    NO_SUCH_COLUMN,
    ProtocolViolation,
    QueryError,
)
from finops.clickhouse.embedded.outbox import Outbox
from finops.clickhouse.embedded.session import (
    Chunk,
    Params,
    Session,
    identifier,
    literal,
)
from finops.clickhouse.embedded.staging import StagedRows
from finops.clickhouse.embedded.statements import Kind, Statement
from finops.clickhouse.embedded.stream import ByteStream
from finops.clickhouse.embedded.tokens import tokens_of

MAX_TABLE_NAME_BYTES = 1 << 12
NOT_SENT = ("MATERIALIZED", "ALIAS", "EPHEMERAL")


def columns_to_send(session: Session, statement: Statement) -> Columns:
    """Names and types of the columns whose values the client has to send."""
    if statement.kind is Kind.INSERT_INPUT:
        return session.describe(f"SELECT * FROM null({statement.columns})", {})
    if not statement.columns:
        rows = session.insertable(statement.target)
        return [(name, type_name) for name, type_name, default in rows if default not in NOT_SENT]
    tokens = tokens_of(statement.columns)
    if any(token.text in ("*", "(") for token in tokens):
        return session.describe(f"SELECT {statement.columns} FROM {statement.target}", {})
    types = {name: type_name for name, type_name, _ in session.insertable(statement.target)}
    return [(name, _type_in(types, name)) for name in _names(statement.columns)]


def _names(columns: str) -> list[str]:
    """The names in a list of columns, without their quotes."""
    names = [""]
    for token in tokens_of(columns):
        if token.text == ",":
            names.append("")
        elif token.kind == "quoted":
            names[-1] += token.text[1:-1].replace("\\" + token.text[0], token.text[0])
        else:
            names[-1] += token.text
    return names


def _type_in(types: dict[str, str], name: str) -> str:
    if name not in types:
        raise QueryError(
            NO_SUCH_COLUMN,
            f"DB::Exception: No such column {name} in the table. (NO_SUCH_COLUMN_IN_TABLE)",
        )
    return types[name]


def receive_packet(
    stream: ByteStream, *, compressed: bool, stage: Callable[[str], StagedRows]
) -> tuple[str, Header]:
    """Receive a data packet into the file that `stage` gives for its table's name.

    The end marker, a block without columns, is written nowhere.
    """
    if (packet := stream.varint()) != packets.DATA:
        raise ProtocolViolation(f"Packet {packet} came where data was expected.")
    name = stream.text(MAX_TABLE_NAME_BYTES)
    source = ByteStream(lambda: read_frame(stream)) if compressed else stream
    read_block_info(source)
    staged = LazyFile(name, stage)
    header = receive_block(source, staged.write)
    if staged.file:
        staged.file.rows += header.rows
    if compressed and source.pending_bytes:
        raise ProtocolViolation("A compressed block is followed by other bytes.")
    return name, header


@dataclass
class LazyFile:
    """Asks for a file when there is something to write: an end marker needs none."""

    name: str
    stage: Callable[[str], StagedRows]
    file: StagedRows | None = None

    def write(self, piece: bytes) -> None:
        self.file = self.file or self.stage(self.name)
        self.file.write(piece)


def receive_rows(
    stream: ByteStream, staged: StagedRows, outbox: Outbox, *, compressed: bool
) -> None:
    """Receive the blocks of an INSERT; each but the end marker is answered at once."""
    while receive_packet(stream, compressed=compressed, stage=lambda _: staged)[1].columns:
        outbox.put_profile_events()
        outbox.flush()


def insert_rows(
    session: Session, statement: Statement, columns: Columns, staged: StagedRows, params: Params
) -> Chunk:
    """Insert the staged rows; QueryError with the engine's code, and then no row is there."""
    source = file_source(staged, columns)
    if statement.kind is Kind.INSERT_INPUT:
        return session.run(statement.text.replace("{source}", source), params)
    names = ", ".join(identifier(name) for name, _ in columns)
    return session.run(f"{statement.text}\nSELECT {names} FROM {source}", params)


def file_source(staged: StagedRows, columns: Columns) -> str:
    """The table function that reads staged rows."""
    structure = ", ".join(f"{identifier(name)} {type_name}" for name, type_name in columns)
    return f"file({literal(str(staged.finish()))}, 'Native', {literal(structure)})"

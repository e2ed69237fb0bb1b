"""Packets of the native protocol at revision 54459: what clients send, what the server answers.

Written after src/Core/Protocol.h and src/Server/TCPHandler.cpp of ClickHouse. 54459 is the lowest
revision with server-side parameters; what later revisions added isn't needed here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from struct import pack

from finops.clickhouse.embedded.errors import ProtocolViolation
from finops.clickhouse.embedded.stream import ByteStream, text, varint

REVISION = 54459

HELLO, QUERY, DATA, CANCEL, PING = range(5)
"""Packets of the client."""
S_HELLO, S_DATA, S_EXCEPTION, S_PROGRESS, S_PONG, S_END_OF_STREAM, S_PROFILE_INFO = range(7)
S_PROFILE_EVENTS = 14
"""Packets of the server."""

MAX_NAME_BYTES = 1 << 12
MAX_QUERY_BYTES = 16 << 20
MAX_SETTINGS = 10_000
IMPORTANT = 0x01
"""Flag of a setting that has to be known."""
MAJOR, MINOR = 26, 9

ESCAPE = re.compile(r"\\(.)", re.DOTALL)
ESCAPED = {"b": "\b", "f": "\f", "r": "\r", "n": "\n", "t": "\t", "0": "\0", "a": "\a", "v": "\v"}


@dataclass(frozen=True, slots=True)
class Hello:
    """Who connects."""

    client: str
    revision: int
    database: str
    user: str
    password: str


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of one query, as text."""

    name: str
    value: str
    important: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A statement with its settings and parameters; data packets follow it."""

    sql: str
    settings: tuple[Setting, ...]
    params: dict[str, str]
    compressed: bool


@dataclass(slots=True)
class Totals:
    """What a query read, wrote and answered with; counts since its start."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    rows: int = 0
    blocks: int = 0
    bytes: int = 0


def read_hello(stream: ByteStream) -> Hello:
    """Read the first packet; ProtocolViolation for anything else."""
    if stream.byte() != HELLO:
        raise ProtocolViolation("The first packet isn't Hello.")
    client = stream.text(MAX_NAME_BYTES)
    _major, _minor, revision = stream.varint(), stream.varint(), stream.varint()
    database, user, password = (stream.text(MAX_NAME_BYTES) for _ in range(3))
    return Hello(client, revision, database, user, password)


def read_addendum(stream: ByteStream) -> None:
    """Pass over the quota key that follows the server's Hello."""
    stream.text(MAX_NAME_BYTES)


def read_query(stream: ByteStream) -> Query:
    """Read what follows the packet's number."""
    stream.text(MAX_NAME_BYTES)  # query id: chDB gives its own
    _skip_client_info(stream)
    settings = _read_settings(stream)
    stream.text(MAX_NAME_BYTES)  # secret between servers
    stream.varint()  # stage; clients ask for Complete
    compressed = stream.varint() == 1
    sql = stream.text(MAX_QUERY_BYTES)
    params = {setting.name: unquote(setting.value) for setting in _read_settings(stream)}
    return Query(sql, settings, params, compressed)


def _skip_client_info(stream: ByteStream) -> None:
    if stream.byte() == 0:
        return
    for _ in range(3):  # initial user, query id, address
        stream.text(MAX_NAME_BYTES)
    stream.skip(8)  # initial time
    if stream.byte() != 1:
        raise ProtocolViolation("The client's interface isn't TCP.")
    for _ in range(3):  # system user, host, client's name
        stream.text(MAX_NAME_BYTES)
    for _ in range(3):  # client's version and revision
        stream.varint()
    stream.text(MAX_NAME_BYTES)  # quota key
    stream.varint()  # distributed depth
    stream.varint()  # version's patch
    if stream.byte():  # OpenTelemetry context
        stream.skip(16 + 8)
        stream.text(MAX_NAME_BYTES)
        stream.skip(1)
    for _ in range(3):  # parallel replicas
        stream.varint()


def _read_settings(stream: ByteStream) -> tuple[Setting, ...]:
    settings: list[Setting] = []
    while name := stream.text(MAX_NAME_BYTES):
        if len(settings) >= MAX_SETTINGS:
            raise ProtocolViolation("There are too many settings.")
        flags = stream.varint()
        settings.append(Setting(name, stream.text(MAX_QUERY_BYTES), bool(flags & IMPORTANT)))
    return tuple(settings)


def unquote(value: str) -> str:
    """Take a parameter out of its quotes; what is inside is the escaped text that chDB wants."""
    if len(value) >= 2 and value[0] == value[-1] == "'":
        value = value[1:-1]
        return ESCAPE.sub(lambda found: ESCAPED.get(found[1], found[1]), value)
    return value


def hello(version_patch: int = 1) -> bytes:
    """The server's Hello."""
    head = varint(S_HELLO) + text("ClickHouse") + varint(MAJOR) + varint(MINOR) + varint(REVISION)
    return head + text("UTC") + text("inferledger embedded") + varint(version_patch)


def exception(code: int, message: str) -> bytes:
    """An error: code, name, message, stack trace, and no nested one."""
    name, trace = text("DB::Exception"), text("")
    return varint(S_EXCEPTION) + pack("<i", code) + name + text(message) + trace + b"\0"


def progress(totals: Totals) -> bytes:
    """Rows and bytes read and written since the last such packet; their total isn't known."""
    counts = (totals.read_rows, totals.read_bytes, 0, totals.written_rows, totals.written_bytes)
    return varint(S_PROGRESS) + b"".join(map(varint, counts))


def profile_info(totals: Totals) -> bytes:
    """Rows, blocks and bytes of the answer; nothing is said about a LIMIT."""
    counts = (totals.rows, totals.blocks, totals.bytes)
    return varint(S_PROFILE_INFO) + b"".join(map(varint, counts)) + b"\0" + varint(0) + b"\0"


def data_head(kind: int = S_DATA) -> bytes:
    """What leads a block: the packet's number and an empty table name."""
    return varint(kind) + text("")


PONG = varint(S_PONG)
END_OF_STREAM = varint(S_END_OF_STREAM)

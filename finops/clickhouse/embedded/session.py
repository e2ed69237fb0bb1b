"""The chDB engine and its sessions: the only file that imports chdb.

chDB allows one folder a process and serialises the statements of one session, so each connection
has a session of its own. A session carries settings, the current database and temporary tables.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finops.clickhouse.embedded.block import Columns
from finops.clickhouse.embedded.errors import (
    ALREADY_RUNNING,
    QueryError,
    StartupRefused,
    read_engine_error,
)

DATABASE = "finops"
TAG_SETTING = "log_comment"
"""It marks a session for KILL QUERY, since chDB lets nobody choose the id of a query."""

Params = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes in Native form and what was read and written for them."""

    native: bytes
    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0


class Engine:
    """The chDB of this process, open on one data folder."""

    def __init__(self, data: Path, config_file: Path) -> None:
        # ClickHouse takes the zone from the process; set before the library reads it.
        os.environ["TZ"] = "UTC"
        time.tzset()
        from chdb.session import Session as ChdbSession  # noqa: PLC0415 - it costs 0.3 s and 300 MB

        self._chdb: Any = ChdbSession
        self._path = f"{data}?config-file={config_file}"
        self._control_lock = threading.Lock()
        try:
            self._control = self.connect()
        except RuntimeError as error:
            raise StartupRefused(f"chDB can't open {data}: {error}") from error
        self.run(f"CREATE DATABASE IF NOT EXISTS {DATABASE} ENGINE = Atomic")
        settings = self.run("SELECT name FROM system.settings", "TSVRaw")
        self.known_settings = frozenset(settings.native.decode().split())
        self.version = self.run("SELECT version()", "TSVRaw").native.decode().strip()

    def connect(self) -> Any:
        """Open another chDB session on the folder; about a millisecond."""
        return self._chdb(self._path)

    def run(self, sql: str, output: str = "Native") -> Chunk:
        """Run a statement of the server's own."""
        with self._control_lock:
            try:
                return run(self._control, sql, output)
            except QueryError as error:
                if error.code != ALREADY_RUNNING:
                    raise
                # A session can get stuck like this after a failed BACKUP.
                self._control = self.connect()
                return run(self._control, sql, output)

    def kill(self, tag: str) -> None:
        """Ask the query of the session with this tag to stop; no error when there is none."""
        with suppress(QueryError):
            self.run(f"KILL QUERY WHERE Settings['{TAG_SETTING}'] = {literal(tag)} ASYNC")

    def close(self) -> None:
        self._control.close()


class Session:
    """One client's session; it belongs to one thread."""

    def __init__(self, engine: Engine, tag: str) -> None:
        self._engine = engine
        self._tag = tag
        self._chdb = engine.connect()
        self.run(f"SET {TAG_SETTING} = {literal(tag)}")
        self.use(DATABASE)

    def use(self, database: str) -> None:
        self.run(f"USE {identifier(database)}")

    def run(self, sql: str, params: Params | None = None, output: str = "Native") -> Chunk:
        """Run a statement to its end."""
        return run(self._chdb, sql, output, params)

    def stream(self, sql: str, params: Params) -> Generator[Chunk, None, None]:
        """Run a SELECT and yield its blocks as they come; closing the iterator ends the query."""
        try:
            blocks = self._chdb.send_query(encode(sql), "Native", params=dict(params))
        except RuntimeError as error:
            raise read_engine_error(str(error)) from None
        try:
            while (block := blocks.fetch()) is not None:
                chunk = Chunk(block.bytes(), block.storage_rows_read(), block.storage_bytes_read())
                # Its bytes are copied: nothing is held twice while a slow client takes them.
                del block
                yield chunk
        except RuntimeError as error:
            raise read_engine_error(str(error)) from None
        finally:
            with suppress(RuntimeError):
                blocks.cancel()

    def describe(self, sql: str, params: Params) -> Columns:
        """Names and types of what a SELECT would answer with."""
        described = self.run(f"DESCRIBE TABLE (\n{sql}\n)", params, "JSONCompact")
        return [(row[0], row[1]) for row in json.loads(described.native)["data"]]

    def header(self, sql: str, params: Params) -> Columns:
        """Names and types of a short table, by running its statement again."""
        again = self.run(sql, params, "JSONCompact").native
        return [(one["name"], one["type"]) for one in json.loads(again)["meta"]] if again else []

    def insertable(self, target: str) -> list[tuple[str, str, str]]:
        """Name, type and kind of default of every column of a table."""
        described = self.run(f"DESCRIBE TABLE {target}", output="JSONCompact")
        return [(row[0], row[1], row[2]) for row in json.loads(described.native)["data"]]

    def changed_settings(self) -> dict[str, str]:
        """The settings that the session has changed, with their values."""
        sql = "SELECT name, value FROM system.settings WHERE changed"
        rows = json.loads(self.run(sql, output="JSONCompact").native)["data"]
        return {name: value for name, value in rows if name != TAG_SETTING}

    def renew(self) -> None:
        """Replace the chDB session by a fresh one in the same database.

        Temporary tables go with the old one; this is for a session that can't be used any more.
        """
        database = self.run("SELECT currentDatabase()", output="TSVRaw").native.decode().strip()
        self.close()
        self._chdb = self._engine.connect()
        self.run(f"SET {TAG_SETTING} = {literal(self._tag)}")
        self.use(database)

    def close(self) -> None:
        self._chdb.close()


def run(chdb: Any, sql: str, output: str, params: Params | None = None) -> Chunk:
    """Run a statement in a chDB session; QueryError with the engine's code."""
    try:
        done = chdb.query(encode(sql), output, params=dict(params or {}))
    except RuntimeError as error:
        raise read_engine_error(str(error)) from None
    return Chunk(
        done.bytes(),
        done.storage_rows_read(),
        done.storage_bytes_read(),
        done.rows_written(),
        done.bytes_written(),
    )


def encode(sql: str) -> bytes:
    """The bytes of a statement as the client sent them: they needn't be UTF-8."""
    return sql.encode("utf-8", "surrogateescape")


def literal(value: str) -> str:
    """A string literal of ClickHouse."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def identifier(name: str) -> str:
    """A quoted identifier of ClickHouse."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"

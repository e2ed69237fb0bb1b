"""The one way to ClickHouse: clickhouse-driver behind a few verbs.

A Warehouse is one connection and belongs to one thread at a time; `warehouse()` lends the calling
thread its own and opens it lazily, after any fork.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from clickhouse_driver import Client
from clickhouse_driver.errors import Error as DriverError

from finops.clickhouse.errors import translate
from finops.config import load_config

DRIVER_ERRORS = (DriverError, OSError, EOFError)
CONNECT_TIMEOUT_S = 5
ANSWER_TIMEOUT_S = 600

Params = Mapping[str, Any]
Settings = Mapping[str, Any]


class Warehouse:
    """A connection to ClickHouse; every method raises WarehouseError."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def query(
        self, sql: str, params: Params | None = None, *, settings: Settings | None = None
    ) -> list[dict[str, Any]]:
        """Return all rows, each as a dict by column name."""
        rows, names = self._execute(sql, params, settings, with_column_types=True)
        keys = [name for name, _ in names]
        return [dict(zip(keys, row, strict=True)) for row in rows]

    def command(
        self, sql: str, params: Params | None = None, *, settings: Settings | None = None
    ) -> int:
        """Run a statement that returns no rows; the result is the number of rows it wrote."""
        self._execute(sql, params, settings)
        info = self._client.last_query
        progress = info.progress if info else None
        return int(getattr(progress, "written_rows", 0) or 0)

    def insert(
        self, table: str, columns: Mapping[str, Sequence[Any]], *, settings: Settings | None = None
    ) -> int:
        """Insert columns of equal length; names of table and columns come from our own code."""
        names = ", ".join(f"`{name}`" for name in columns)
        statement = f"INSERT INTO {table} ({names}) VALUES"
        try:
            written: int = self._client.execute(
                statement,
                list(columns.values()),
                columnar=True,
                types_check=True,
                settings=dict(settings or {}),
            )
        except DRIVER_ERRORS as error:
            raise translate(error) from error
        return written

    def stream(
        self, sql: str, params: Params | None = None, *, settings: Settings | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield rows as they come, in constant memory; leaving early cancels the query."""
        finished = False
        try:
            rows = self._client.execute_iter(
                sql, bind(params), with_column_types=True, settings=dict(settings or {})
            )
            keys = [name for name, _ in next(rows)]
            for row in rows:
                yield dict(zip(keys, row, strict=True))
            finished = True
        except DRIVER_ERRORS as error:
            finished = True
            raise translate(error) from error
        finally:
            if not finished:
                self._client.disconnect()

    def close(self) -> None:
        """Close the connection; the next statement would open it again."""
        self._client.disconnect()

    def _execute(
        self, sql: str, params: Params | None, settings: Settings | None, **options: Any
    ) -> Any:
        try:
            return self._client.execute(sql, bind(params), settings=dict(settings or {}), **options)
        except DRIVER_ERRORS as error:
            raise translate(error) from error


def bind(params: Params | None) -> dict[str, Any]:
    """Prepare values for {name:Type} parameters.

    The driver would cut a datetime to seconds and send None as the text NULL. So times go as text
    in UTC with their fraction, and None is refused: a statement says IS NULL where it means it.
    """
    return {name: bind_value(name, value) for name, value in (params or {}).items()}


def bind_value(name: str, value: Any) -> Any:
    if value is None:
        raise TypeError(f"parameter {name} is None; say so in the statement instead")
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise TypeError(f"parameter {name} is a time without a zone")
        utc = value.astimezone(UTC)
        return utc.strftime("%Y-%m-%d %H:%M:%S.%f" if utc.microsecond else "%Y-%m-%d %H:%M:%S")
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [bind_value(name, item) for item in value]
    return value


def connect(url: str, *, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> Warehouse:
    """Make a Warehouse for clickhouse://user:password@host:port/database; connects at first use."""
    client = Client.from_url(url)
    client.connection.connect_timeout = min(CONNECT_TIMEOUT_S, answer_timeout_s)
    client.connection.send_receive_timeout = answer_timeout_s
    # {name:Type} parameters are bound by the server, never pasted into the text by the client.
    client.client_settings["server_side_params"] = True
    return Warehouse(client)


_lent = threading.local()


@contextmanager
def warehouse() -> Iterator[Warehouse]:
    """Lend this thread's connection to the configured ClickHouse.

    A process that forked, or whose URL changed, gets a new one: a socket must not be shared.
    """
    key = (os.getpid(), load_config().warehouse_url())
    if getattr(_lent, "key", None) != key:
        _lent.warehouse, _lent.key = connect(key[1]), key
    lent: Warehouse = _lent.warehouse
    yield lent

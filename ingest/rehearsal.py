"""Trying statements out: tables that hide the real ones for as long as a session lives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from finops.clickhouse.client import Warehouse


@contextmanager
def hidden(ch: Warehouse, *tables: str) -> Iterator[None]:
    """Hide tables behind empty ones of the same shape; the session ends with the block."""
    try:
        for table in tables:
            ch.command(f"CREATE TEMPORARY TABLE {table} ENGINE = Memory AS {table}")
        yield
    finally:
        ch.close()

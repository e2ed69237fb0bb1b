"""One database for all tests of a file that only read it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from finops.clickhouse.client import Warehouse, connect
from finops.clickhouse.migrate import Shape, bring_up_to_date


@pytest.fixture(scope="module")
def shared_ch(clickhouse_url: str) -> Iterator[Warehouse]:
    """As `ch`, for a whole file."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    server = connect(clickhouse_url)
    server.command(f"CREATE DATABASE {name} ENGINE = Atomic")
    own = connect(urlsplit(clickhouse_url)._replace(path=f"/{name}").geturl())
    try:
        bring_up_to_date(own, Shape(), datetime.now(UTC))
        yield own
    finally:
        own.close()
        server.command(f"DROP DATABASE {name} SYNC")
        server.close()

"""Connections of the unmodified driver, each test in a database of its own."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest
from clickhouse_driver import Client

Connect = Callable[..., Client]

EMBEDDED = not os.environ.get("FINOPS_TEST_CLICKHOUSE_URL")
only_embedded = pytest.mark.skipif(not EMBEDDED, reason="about the embedded server alone")


@pytest.fixture
def database(clickhouse_url: str) -> Iterator[str]:
    """A database that is dropped at the end."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with Client.from_url(clickhouse_url) as client:
        client.execute(f"CREATE DATABASE {name} ENGINE = Atomic")
        yield name
        client.execute(f"DROP DATABASE IF EXISTS {name} SYNC")


@pytest.fixture
def connect(clickhouse_url: str, database: str) -> Iterator[Connect]:
    """Open connections to the test's database; all are closed at the end."""
    address = urlsplit(clickhouse_url)
    with ExitStack() as stack:

        def open_client(**options: Any) -> Client:
            client = Client(
                address.hostname,
                port=address.port,
                **{
                    "user": address.username,
                    "password": address.password,
                    "database": database,
                    "send_receive_timeout": 60,
                    **options,
                },
            )
            stack.callback(client.disconnect)
            return client

        yield open_client


@pytest.fixture
def client(connect: Connect) -> Client:
    """One connection to the test's database."""
    return connect()

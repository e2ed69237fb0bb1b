"""What every test shares."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clickhouse_server import server_url


@pytest.fixture(scope="session")
def clickhouse_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One ClickHouse for each process of the run: embedded, or FINOPS_TEST_CLICKHOUSE_URL."""
    with server_url(tmp_path_factory.mktemp("clickhouse")) as url:
        yield url

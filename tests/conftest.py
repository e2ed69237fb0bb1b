"""What every test shares."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, settings

from finops.clickhouse.client import Warehouse, connect
from finops.clickhouse.migrate import Shape, bring_up_to_date
from finops.config import load_config
from tests.clickhouse_server import server_url

# No test depends on how fast a busy machine draws its examples, and what lands hangs on no luck:
# where every service is required the examples are the same each time, elsewhere they are new ones.
settings.register_profile(
    "ledger",
    deadline=None,
    derandomize=os.environ.get("FINOPS_REQUIRE_SERVICES") == "1",
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
settings.load_profile("ledger")


@pytest.fixture(scope="session")
def clickhouse_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One ClickHouse for each process of the run: embedded, or FINOPS_TEST_CLICKHOUSE_URL."""
    with server_url(tmp_path_factory.mktemp("clickhouse")) as url:
        yield url


@contextmanager
def fresh_database(clickhouse_url: str) -> Iterator[Warehouse]:
    """A connection to a database of its own that has the whole schema, dropped afterwards."""
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


@pytest.fixture
def ch(clickhouse_url: str) -> Iterator[Warehouse]:
    """A connection to a fresh database that has the whole schema."""
    with fresh_database(clickhouse_url) as own:
        yield own


@pytest.fixture(scope="module")
def module_ch(clickhouse_url: str) -> Iterator[Warehouse]:
    """As `ch`, for a module whose tests only read what one fixture wrote."""
    with fresh_database(clickhouse_url) as own:
        yield own


@pytest.fixture
def configured_ch(
    ch: Warehouse, clickhouse_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Warehouse]:
    """As `ch`, and the product's own settings lead to the same database."""
    (row,) = ch.query("SELECT currentDatabase() AS name")
    url = urlsplit(clickhouse_url)._replace(path=f"/{row['name']}").geturl()
    monkeypatch.setenv("FINOPS_CLICKHOUSE_URL", url)
    load_config.cache_clear()
    yield ch
    monkeypatch.undo()
    load_config.cache_clear()


@pytest.hookimpl(optionalhook=True)  # only a run with xdist asks
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One process more than there are cores: a third of the time goes to waiting for others."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Say how a parallel run spreads the tests."""
    from tests.schedule import ByWhatIsShared

    return ByWhatIsShared(config, log)

"""The real worker, with both brokers: a segment that waits ends up in the hourly sums."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from finops.clickhouse.client import Warehouse
from finops.config import ROOT
from finops.supervisor.services import WORKER
from tests.costing.calls import insert_calls
from tests.costing.charging import rollup
from tests.services import redis_url

PATIENCE_S = 120
TASK = "finops.costing.tasks.charge"


def product(folder: Path, clickhouse_url: str, ch: Warehouse, **settings: str) -> dict[str, str]:
    """Return the environment of a product of its own, with a migrated database."""
    (row,) = ch.query("SELECT currentDatabase() AS name")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("FINOPS_")},
        "FINOPS_DATA_DIR": str(folder),
        "FINOPS_CLICKHOUSE_URL": urlsplit(clickhouse_url)._replace(path=f"/{row['name']}").geturl(),
        **settings,
    }
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v", "0"], cwd=ROOT, env=environment, check=True
    )
    return environment


@contextmanager
def worker(environment: Mapping[str, str], log: Path) -> Iterator[None]:
    with log.open("w") as out:
        process = subprocess.Popen(
            WORKER, cwd=ROOT, env=dict(environment), stdout=out, stderr=subprocess.STDOUT
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=60)


def send(environment: Mapping[str, str]) -> None:
    subprocess.run(
        [sys.executable, "-m", "celery", "-A", "finops.celery", "call", TASK],
        cwd=ROOT,
        env=dict(environment),
        check=True,
        stdout=subprocess.DEVNULL,
    )


def charged_by_worker(environment: Mapping[str, str], ch: Warehouse, log: Path) -> int:
    """Send one task to a running worker and return how many calls the sums then hold."""
    insert_calls(ch, [{"span": "a"}, {"span": "b"}])
    with worker(environment, log):
        send(environment)
        until = time.monotonic() + PATIENCE_S
        while not rollup(ch):
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.2)
    return sum(int(row["calls"]) for row in rollup(ch))


def test_a_worker_on_the_filesystem_broker_charges(
    tmp_path: Path, clickhouse_url: str, ch: Warehouse
) -> None:
    environment = product(tmp_path / "data", clickhouse_url, ch)

    assert charged_by_worker(environment, ch, tmp_path / "worker.log") == 2


@pytest.mark.services
def test_a_worker_on_redis_charges(tmp_path: Path, clickhouse_url: str, ch: Warehouse) -> None:
    # A database of its own, so that no other test's worker takes the task.
    broker = urlsplit(redis_url())._replace(path="/13").geturl()
    environment = product(tmp_path / "data", clickhouse_url, ch, FINOPS_BROKER_URL=broker)

    assert charged_by_worker(environment, ch, tmp_path / "worker.log") == 2

"""Celery's settings for both brokers, its schedule, and its processes over Redis."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from finops.broker import broker_settings
from finops.config import ROOT, Config
from tests.services import redis_url

CELERY = (sys.executable, "-m", "celery", "-A", "finops.celery")
WAIT_S = 60


def test_without_a_url_tasks_wait_in_folders_of_the_data_folder(tmp_path: Path) -> None:
    found = broker_settings(Config.model_construct(data_dir=tmp_path, broker_url=None))
    options = found["CELERY_BROKER_TRANSPORT_OPTIONS"]
    assert found["CELERY_BROKER_URL"] == "filesystem://localhost"
    assert options["data_folder_in"] == options["data_folder_out"]
    assert Path(options["data_folder_in"]).is_dir()


def test_a_url_names_redis() -> None:
    url = SecretStr("redis://:pw@redis:6379/0")
    found = broker_settings(Config.model_construct(broker_url=url))
    assert found["CELERY_BROKER_URL"] == "redis://:pw@redis:6379/0"


@contextmanager
def running(command: tuple[str, ...], environment: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def beaten(database: Path) -> set[str]:
    with sqlite3.connect(database) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM finops_heartbeat")}


@pytest.mark.slow
@pytest.mark.services
def test_worker_and_beat_work_over_redis_and_write_their_heartbeats(tmp_path: Path) -> None:
    # the folders are what every end-to-end test runs on
    environment = {
        **os.environ,
        "FINOPS_DATA_DIR": str(tmp_path / "data"),
        "FINOPS_BROKER_URL": redis_url(),
    }
    subprocess.run(
        (sys.executable, "manage.py", "migrate", "--verbosity=0"),
        cwd=ROOT,
        env=environment,
        check=True,
    )
    worker = (*CELERY, "worker", "--pool=solo", "--without-gossip", "--without-mingle")
    beat = (*CELERY, "beat", f"--schedule={tmp_path / 'schedule'}", "--pidfile=")
    logs = tmp_path / "worker.log", tmp_path / "beat.log"
    with running(worker, environment, logs[0]), running(beat, environment, logs[1]):
        until_s = time.monotonic() + WAIT_S
        while beaten(tmp_path / "data" / "db.sqlite3") != {"worker", "beat"}:
            assert time.monotonic() < until_s, "\n".join(log.read_text() for log in logs)
            time.sleep(0.2)


def test_every_task_of_the_schedule_is_there_and_expires() -> None:
    from finops.celery import app

    app.loader.import_default_modules()
    for entry in app.conf.beat_schedule.values():
        assert entry["task"] in app.tasks
        assert entry["options"]["expires"] > 0

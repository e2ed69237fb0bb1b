"""The processes of the embedded product, and where each keeps its log."""

from __future__ import annotations

import sys
from pathlib import Path

from finops.config import ROOT, Config
from finops.supervisor.service import Service

MANAGE = (sys.executable, str(ROOT / "manage.py"))
# One worker has nobody to gossip with; threads do, since ClickHouse does the work.
WORKER = (
    *(sys.executable, "-m", "celery", "-A", "finops.celery", "worker", "--loglevel=WARNING"),
    *("--pool=threads", "--concurrency=4"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
)


def clickhouse_service(config: Config) -> Service:
    """The embedded ClickHouse; the others need it."""
    command = (
        *(sys.executable, "-m", "finops.clickhouse.embedded"),
        *("--data-dir", str(config.clickhouse_dir), "--port", str(config.clickhouse_port)),
    )
    return Service("clickhouse", command, log_path(config, "clickhouse"))


def product_services(config: Config) -> list[Service]:
    """Everything but ClickHouse, in the order of their start."""
    beat = (
        *(sys.executable, "-m", "celery", "-A", "finops.celery", "beat", "--loglevel=WARNING"),
        *("--schedule", str(config.data_dir / "beat-schedule"), "--pidfile="),
    )
    return [
        Service("ingest", (*MANAGE, "ingest"), log_path(config, "ingest")),
        Service("web", (*MANAGE, "web"), log_path(config, "web")),
        Service("worker", WORKER, log_path(config, "worker")),
        Service("beat", beat, log_path(config, "beat")),
    ]


def log_path(config: Config, name: str) -> Path:
    return config.data_dir / "logs" / f"{name}.log"

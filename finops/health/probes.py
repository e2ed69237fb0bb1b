"""What each part answers when it is asked how it is; each probe is quick and never raises."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Literal

import redis
import structlog
from django.db import DatabaseError, connection

from finops.clickhouse.client import connect
from finops.config import Config
from finops.costing.doubt import doubts_open
from finops.health.heartbeat import last_beat
from finops.health.own import open_own

TIMEOUT_S = 2
DEADLINE_S = 4
# Beat asks for work every 5 s, and a worker may be busy with one long charge.
LATE_AFTER = {"beat": timedelta(seconds=30), "worker": timedelta(seconds=120)}
LEAST_FREE_BYTES = 256 * 1024**2

State = Literal["ok", "late", "full", "never", "doubt", "down"]
Probe = Callable[[], "Part"]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Part:
    """How one part is; `detail` is for people who are logged in and holds no secret."""

    state: State
    detail: dict[str, Any] = field(default_factory=dict)


def ask_all(config: Config, now: datetime) -> dict[str, Part]:
    """Ask every part, those behind sockets and folders at the same time."""
    outside: dict[str, Probe] = {
        "clickhouse": lambda: ask_clickhouse(config.warehouse_url()),
        "ingest": lambda: ask_ingest(config.ingest_healthz),
        "broker": lambda: ask_broker(config),
        "spool": lambda: ask_spool(config.spool, config.spool_max_bytes),
    }
    pool = ThreadPoolExecutor(max_workers=len(outside), thread_name_prefix="probe")
    asked = {name: pool.submit(probe) for name, probe in outside.items()}
    # The database is asked here: its connection belongs to this thread.
    parts = {"database": safely("database", ask_database)}
    well = parts["database"].state == "ok"
    for name in LATE_AFTER:
        parts[name] = ask_heartbeat(name, now) if well else Part("down")
    parts["ledger"] = safely("ledger", ask_ledger) if well else Part("down")
    for name, future in asked.items():
        parts[name] = safely(name, partial(future.result, DEADLINE_S))
    # A probe that hangs, in a name look-up for example, is left behind to its own timeout.
    pool.shutdown(wait=False, cancel_futures=True)
    return parts


def safely(name: str, probe: Probe) -> Part:
    """Turn whatever a probe raises into "down"; the reason goes to the log, not to the page."""
    try:
        return probe()
    except Exception as error:
        log.warning("part_is_down", part=name, error=str(error))
        return Part("down", {"error": type(error).__name__})


def ask_database() -> Part:
    connection.ensure_connection()
    if not connection.is_usable():
        raise DatabaseError("the connection is broken")
    return Part("ok", {"engine": connection.vendor})


def ask_clickhouse(url: str) -> Part:
    warehouse = connect(url, answer_timeout_s=TIMEOUT_S)
    try:
        [row] = warehouse.query("SELECT version() AS version")
    finally:
        warehouse.close()
    return Part("ok", {"version": row["version"]})


def ask_ingest(url: str) -> Part:
    with open_own(url, TIMEOUT_S) as answer:
        return Part("ok" if answer.status == 200 else "down")


def ask_broker(config: Config) -> Part:
    if config.broker_url is None:
        folder = config.data_dir / "broker" / "queue"
        return Part("ok", {"waiting": sum(1 for _ in folder.iterdir())})
    with redis.Redis.from_url(
        config.broker_url.get_secret_value(),
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
    ) as client:
        client.ping()
        return Part("ok", {"waiting": client.llen("celery")})


def ask_spool(folder: Path, max_bytes: int) -> Part:
    """Full when segments fill their share, or the disk has no room for them."""
    if not folder.exists():
        return Part("ok", {"bytes": 0})
    used = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    free = shutil.disk_usage(folder).free
    full = used >= max_bytes or free < LEAST_FREE_BYTES
    return Part("full" if full else "ok", {"bytes": used, "free_bytes": free})


def ask_ledger() -> Part:
    """In doubt while sums and charges of some workspace disagree."""
    doubts = doubts_open()
    return Part("doubt", {"workspaces": doubts}) if doubts else Part("ok")


def ask_heartbeat(name: str, now: datetime) -> Part:
    at = last_beat(name)
    if at is None:
        return Part("never")
    late = now - at > LATE_AFTER[name]
    return Part("late" if late else "ok", {"last_at": at.isoformat()})

"""How the collector says that it is, for pages that show it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import structlog

from finops.config import load_config
from finops.health.own import open_own

TIMEOUT_S = 1.0
MAX_BYTES = 64 * 1024

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Collector:
    """The state of receiver, spool and loader of the installation."""

    status: str
    waiting_segments: int = 0
    waiting_bytes: int = 0
    oldest_s: float | None = None
    quarantined_segments: int = 0
    loader: str = ""

    @property
    def well(self) -> bool:
        return self.status == "ok"


DOWN = Collector("down")


def ask_collector() -> Collector:
    """Return what /healthz of ingest says; DOWN when it doesn't answer. Never raises."""
    try:
        with open_own(load_config().ingest_healthz, TIMEOUT_S) as answer:
            return read_state(json.loads(answer.read(MAX_BYTES)))
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.info("collector_did_not_answer", error=str(error))
        return DOWN


def read_state(told: dict[str, Any]) -> Collector:
    spool = told["spool"]
    return Collector(
        status=str(told["status"]),
        waiting_segments=int(spool["segments"]),
        waiting_bytes=int(spool["bytes"]),
        oldest_s=spool["oldest_s"],
        quarantined_segments=int(spool["quarantined_segments"]),
        loader=str(told["loader"]["status"]),
    )

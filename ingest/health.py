"""GET /healthz of the collector: can it take traffic, and does what it took get through?"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from django.db import DatabaseError, close_old_connections

from finops.health.heartbeat import last_beat
from ingest.answer import Answer
from ingest.loader import BEAT
from ingest.loaders import SIGNALS
from ingest.segments import Depth, measure

LOADER_LATE_S = 30.0
BEHIND_S = 60.0


class Health:
    """Answers with the state of receiver, spool and loader; 503 only when nothing can be taken."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder = folder
        self.max_bytes = max_bytes

    async def __call__(self) -> Answer:
        return await asyncio.to_thread(self.answer)

    def answer(self) -> Answer:
        depths = [measure(signal.within(self.folder)) for signal in SIGNALS]
        depth = together(depths)
        oldest_s = age_s(depth.oldest_ns)
        full = any(each.bytes >= self.max_bytes for each in depths)
        behind = oldest_s is not None and oldest_s > BEHIND_S
        loader_age_s = since_last_beat()
        loader = "ok" if loader_age_s is not None and loader_age_s < LOADER_LATE_S else "late"
        well = not full and not behind and loader == "ok" and not depth.quarantined
        body = {
            "status": "ok" if well else "full" if full else "degraded",
            "receiver": {"status": "full" if full else "ok"},
            "spool": {
                "segments": depth.segments,
                "bytes": depth.bytes,
                "max_bytes": self.max_bytes,
                "oldest_s": oldest_s,
                "quarantined_segments": depth.quarantined,
            },
            "loader": {"status": loader, "last_beat_s": loader_age_s},
        }
        headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
        return (503 if full else 200), headers, json.dumps(body).encode()


def together(depths: Sequence[Depth]) -> Depth:
    """Add up what waits for each signal."""
    oldest = [depth.oldest_ns for depth in depths if depth.oldest_ns is not None]
    return Depth(
        segments=sum(depth.segments for depth in depths),
        bytes=sum(depth.bytes for depth in depths),
        oldest_ns=min(oldest, default=None),
        quarantined=sum(depth.quarantined for depth in depths),
    )


def since_last_beat() -> float | None:
    """Seconds since the loader last said that it lives; None when it never did, or isn't known."""
    close_old_connections()
    try:
        at = last_beat(BEAT)
    except DatabaseError:
        return None
    finally:
        close_old_connections()
    return None if at is None else round((datetime.now(UTC) - at).total_seconds(), 1)


def age_s(since_ns: int | None) -> float | None:
    return None if since_ns is None else round(max(0.0, time.time() - since_ns / 1e9), 1)

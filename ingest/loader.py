"""The loader: takes sealed segments in order and doesn't stop for anything.

It loads what waits, a batch at a time; backs off while ClickHouse is away, so that the spool grows
and keeps its order; and steps over a segment that can't be loaded, which then waits its turn again.
One loader works on a folder at a time: a second one waits until the first is gone.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from django.db import DatabaseError, close_old_connections

from finops.clickhouse.client import Warehouse, warehouse
from finops.clickhouse.errors import QueryFailed, QueryTimeout, TooBusy, WarehouseError
from finops.config import ConfigError
from finops.health.heartbeat import LOADED, beat
from ingest.batch import Batch, begin, drop, finish, next_batch
from ingest.load import TRACES
from ingest.salvage import salvage
from ingest.segments import make_folder, measure, recover
from ingest.signal import Signal, Totals, Undecodable, Unseen

LOCK = "loader.lock"
PROGRESS = "loader.json"
POLL_S = 0.05
RECOVER_EVERY_S = 2.0
BEAT_EVERY_S = 5.0
BEAT = "loader"
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
MAX_DOUBLINGS = 8
# A statement costs as much as a thousand spans: a trickle is gathered rather than loaded in drops.
# What comes after a rest is loaded at once; from one load's beginning to the next is so long.
GATHER_S = 2.0
LEAST_GATHER_S = 0.2
LARGE_BYTES = 4 * 1024**2
# How long a segment that can't be loaded lets others go first.
STEP_ASIDE_S = 60.0
# How often ClickHouse may be too busy for the same batch before the batch is suspected.
REFUSALS = 3

log = structlog.get_logger(__name__)
FAILURES = (WarehouseError, ConfigError, Undecodable, Unseen, OSError)
Lend = Callable[[], AbstractContextManager[Warehouse]]


class Loader:
    """Moves segments of one signal from `folder` into ClickHouse.

    ClickHouse sees the folder as `seen_by_clickhouse`.
    """

    def __init__(
        self,
        folder: Path,
        seen_by_clickhouse: str,
        lend: Lend = warehouse,
        signal: Signal = TRACES,
    ) -> None:
        self.folder = folder
        self.seen_by_clickhouse = seen_by_clickhouse
        self.signal = signal
        self._lend = lend
        self._aside: dict[str, float] = {}
        self._totals = Totals()
        self._refused: Counter[str] = Counter()
        self._failures = 0
        self._recovered_at = 0.0
        self._beaten_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Load until `stop` is set; the batch in hand is finished first."""
        make_folder(self.folder)
        with only_loader(self.folder, stop):
            while not stop.is_set():
                self.keep_house()
                stop.wait(self.step())

    def keep_house(self) -> None:
        """Seal what dead receivers left, and say that this loader lives."""
        now = time.monotonic()
        try:
            if now - self._recovered_at >= RECOVER_EVERY_S:
                self._recovered_at = now
                for name, cut in recover(self.folder):
                    log.warning("segment_recovered", segment=name, torn_bytes=cut)
            if now - self._beaten_at >= BEAT_EVERY_S:
                self._beaten_at = now
                if self.signal is TRACES:  # charges wait for these alone
                    tell_alive(loaded_to(self.folder, datetime.now(UTC)))
                write_progress(self.folder, self._totals.as_dict())
        except OSError as error:
            log.warning("housekeeping_failed", error=str(error))

    def step(self) -> float:
        """Load the next batch if there is one; returns how long to wait before the next step."""
        now = time.monotonic()
        self._aside = {name: until for name, until in self._aside.items() if now < until}
        try:
            batch = next_batch(self.folder, self._aside)
        except OSError as error:
            log.warning("spool_unreadable", error=str(error))
            return FIRST_PAUSE_S
        if batch is None:
            return POLL_S
        size = batch.size
        began = time.monotonic()
        try:
            self.load(batch)
        except FAILURES as error:
            self._totals.numbers["postponed"] += 1
            wait_s = min(FIRST_PAUSE_S * (1 << self._failures), LONGEST_PAUSE_S)
            self._failures = min(self._failures + 1, MAX_DOUBLINGS)
            log.warning(
                "load_postponed", segments=len(batch.names), error=str(error), wait_s=wait_s
            )
            return wait_s
        self._failures = 0
        if size >= LARGE_BYTES:
            return 0.0
        return max(GATHER_S - (time.monotonic() - began), LEAST_GATHER_S)

    def load(self, batch: Batch) -> None:
        """Load a batch and remove its files; raises when it has to wait."""
        with self._lend() as ch:
            try:
                loaded = self.signal.load(ch, batch, self.seen_by_clickhouse, datetime.now(UTC))
            except (Undecodable, QueryFailed) as refusal:
                self.narrow(ch, batch, refusal)
                return
            except (TooBusy, QueryTimeout) as refusal:
                # ClickHouse is busy with others, or this batch is more than it can take at once.
                self._refused[batch.token] += 1
                if self._refused[batch.token] < REFUSALS:
                    raise
                self.narrow(ch, batch, refusal)
                return
        self._refused.clear()
        finish(batch)
        self._totals.add(loaded)
        log.debug("loaded", signal=self.signal.name, **asdict(loaded))

    def narrow(self, ch: Warehouse, batch: Batch, refusal: Exception) -> None:
        """Find what was refused: the first segment alone, then each of its requests.

        Raises the refusal when the fault isn't in the segment; it steps aside for others then.
        """
        first = batch.names[0]
        if len(batch.names) > 1:
            begin(self.folder, (first,))
            return
        path = batch.paths()[0]
        found = salvage(ch, path, self.seen_by_clickhouse, datetime.now(UTC), self.signal)
        drop(self.folder)
        if not found:
            self._aside[first] = time.monotonic() + STEP_ASIDE_S
            raise refusal


def write_progress(folder: Path, totals: Mapping[str, Any]) -> None:
    """Leave what this loader has done since its start where /healthz finds it."""
    draft = folder / (PROGRESS + ".new")
    draft.write_text(json.dumps(totals))
    draft.rename(folder / PROGRESS)


def read_progress(folder: Path) -> dict[str, Any]:
    """Return what the loader wrote last; empty when it never ran."""
    try:
        found: dict[str, Any] = json.loads((folder / PROGRESS).read_text())
    except (OSError, ValueError):
        return {}
    return found


def loaded_to(folder: Path, now: datetime) -> datetime:
    """Return the moment before which all that was acknowledged is loaded, or set aside for good.

    It is looked for twice: a segment that gets its final name during one look is seen in the other.
    """
    oldest = [measure(folder).oldest_ns for _ in range(2)]
    begun = [datetime.fromtimestamp(ns / 1e9, UTC) for ns in oldest if ns is not None]
    return min([now, *begun])


def tell_alive(loaded: datetime) -> None:
    """Beat; a database that is away must not stop the loading."""
    try:
        close_old_connections()
        beat(BEAT, datetime.now(UTC))
        beat(LOADED, loaded)
    except DatabaseError as error:
        log.warning("heartbeat_failed", error=str(error))


@contextmanager
def only_loader(folder: Path, stop: threading.Event) -> Iterator[None]:
    """Hold the folder's lock; waits for it, or until `stop` is set."""
    fd = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        while not stop.is_set():
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                stop.wait(1.0)
        yield
    finally:
        os.close(fd)

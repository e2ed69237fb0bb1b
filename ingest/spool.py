"""The spool: what was acknowledged is on disk, whatever happens next.

One thread writes. While it waits for the disk, requests queue up, and the next fdatasync answers
for all of them; only then is told that they are written. A segment is sealed, and so handed to the
loader, when it is old or large enough; one that comes after a rest is old at once.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from itertools import groupby
from pathlib import Path
from typing import Any

import structlog

from ingest.errors import Busy
from ingest.segments import make_folder, measure, open_segment, seal

SEAL_AFTER_S = 0.3
# After a rest, what comes is handed over at once.
SEAL_AFTER_REST_S = 0.05
REST_S = 0.6
SEAL_BYTES = 16 * 1024**2
# When the loader falls behind, fewer and larger segments keep the folder small.
BEHIND_SEGMENTS = 64
SEAL_AFTER_BEHIND_S = 5.0
MEASURE_EVERY_S = 1.0
# Records that wait for the disk at one time; more would only fill the memory.
MAX_QUEUED_BYTES = 256 * 1024**2
MOST_AT_ONCE = os.sysconf("SC_IOV_MAX")

log = structlog.get_logger(__name__)
# Hears in the writing thread that the records of these owners are on disk, or why they aren't.
Tell = Callable[[list[Any], "Busy | None"], None]
# A record, whose it is, and who wants to hear of it.
Waiting = tuple[bytes, Any, Tell]


class Spool:
    """Appends records durably to segments in `folder`, never holding more than `max_bytes`."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self._changed = threading.Condition()
        self._queue: list[Waiting] = []
        self._queued_bytes = 0
        self._closing = False
        self._held_bytes = 0
        self._behind = False
        self._measured_at = 0.0
        self._sealed_at = 0.0
        self._open: OpenSegment | None = None
        self._thread = threading.Thread(target=self._write_until_closed, name="spool", daemon=True)

    def start(self) -> None:
        """Begin writing; raises OSError when the folder can't be made."""
        make_folder(self.folder)
        self._measure(time.monotonic())
        self._thread.start()

    def append(self, record: bytes) -> Future[None]:
        """Queue a record; the future is done when it is on disk, or fails with Busy.

        Raises Busy at once when the spool is full or closing.
        """
        future: Future[None] = Future()
        for _, error in self.append_all([(record, future, settle)]):
            raise error
        return future

    def append_all(self, batch: Sequence[Waiting]) -> list[tuple[Any, Busy]]:
        """Queue records; return the owners of those that aren't taken, and why."""
        refused = []
        with self._changed:
            for waiting in batch:
                error = self._refuse(len(waiting[0]))
                if error is None:
                    self._queue.append(waiting)
                    self._queued_bytes += len(waiting[0])
                else:
                    refused.append((waiting[1], error))
            self._changed.notify()
        return refused

    def _refuse(self, size: int) -> Busy | None:
        if self._closing:
            return Busy("The collector is stopping; send again.", 1)
        if self._queued_bytes + size > MAX_QUEUED_BYTES:
            return Busy("The collector's disk is too slow for this traffic.", 2)
        if self._held_bytes + self._queued_bytes + size > self.max_bytes:
            return Busy("The collector's spool is full; is ClickHouse up?", 10)
        return None

    def close(self) -> None:
        """Write what is queued, seal the open segment and stop."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()

    def _write_until_closed(self) -> None:
        while True:
            with self._changed:
                if not self._queue and not self._closing:
                    self._changed.wait(self._until_due())
                batch, self._queue = self._queue, []
                closing, last = self._closing, not batch
            if batch:
                self._commit(batch)
            del batch  # its records may be large, and the next may be long in coming
            now = time.monotonic()
            if self._open and (closing or self._open.is_due(now, self._behind)):
                self._seal(self._open)
            if now - self._measured_at >= MEASURE_EVERY_S:
                self._measure(now)
            if closing and last:
                return

    def _until_due(self) -> float:
        if self._open is None:
            return MEASURE_EVERY_S
        left_s = self._open.due_at(self._behind) - time.monotonic()
        return min(max(left_s, 0.0), MEASURE_EVERY_S)

    def _commit(self, batch: list[Waiting]) -> None:
        held = self._open.size if self._open else 0
        for position, share in enumerate(fill(batch, held)):
            if position and self._open:
                self._seal(self._open)
            if share:
                self._store(share)

    def _store(self, batch: list[Waiting]) -> None:
        records = [waiting[0] for waiting in batch]
        size = sum(map(len, records))
        error: Busy | None = None
        try:
            if self._open is None:
                rested = time.monotonic() - self._sealed_at >= REST_S
                self._open = OpenSegment(self.folder, SEAL_AFTER_REST_S if rested else SEAL_AFTER_S)
            self._open.append(records)
        except OSError as failure:
            log.error("spool_write_failed", error=str(failure), folder=str(self.folder))
            error = Busy("The collector can't write to its disk.", 10)
            self._give_up_segment()
        with self._changed:
            self._queued_bytes -= size
            self._held_bytes += 0 if error else size
        for tell, told in groupby(batch, key=lambda waiting: waiting[2]):
            tell([owner for _, owner, _ in told], error)

    def _give_up_segment(self) -> None:
        """After a failed write: keep what was synced before it, and begin anew."""
        if self._open is not None:
            self._seal(self._open)

    def _seal(self, segment: OpenSegment) -> None:
        self._open = None
        self._sealed_at = time.monotonic()
        try:
            segment.seal()
        except OSError as failure:
            # It stays behind unlocked and is recovered like one of a dead receiver.
            log.error("spool_seal_failed", error=str(failure), segment=segment.path.name)

    def _measure(self, now: float) -> None:
        self._measured_at = now
        try:
            depth = measure(self.folder)
        except OSError as failure:  # out of file descriptors, say: writing must go on
            log.error("spool_measure_failed", error=str(failure), folder=str(self.folder))
            return
        with self._changed:
            self._held_bytes = depth.bytes
            self._behind = depth.segments > BEHIND_SEGMENTS


class OpenSegment:
    """The segment being written; `size` counts what is on disk for certain."""

    def __init__(self, folder: Path, seal_after_s: float = SEAL_AFTER_S) -> None:
        self.path, self._fd = open_segment(folder, time.time_ns())
        self.size = 0
        self._opened_at = time.monotonic()
        self._seal_after_s = seal_after_s

    def append(self, records: Sequence[bytes]) -> None:
        """Write and sync; raises OSError, after which the segment must be sealed."""
        for start in range(0, len(records), MOST_AT_ONCE):
            write_all(self._fd, records[start : start + MOST_AT_ONCE])
        os.fdatasync(self._fd)
        self.size += sum(map(len, records))

    def is_due(self, now: float, behind: bool) -> bool:
        return self.size >= SEAL_BYTES or now >= self.due_at(behind)

    def due_at(self, behind: bool) -> float:
        """When it is old enough, on the monotonic clock."""
        return self._opened_at + (SEAL_AFTER_BEHIND_S if behind else self._seal_after_s)

    def seal(self) -> None:
        """Cut what was never acknowledged, and hand the segment over; an empty one goes."""
        try:
            os.ftruncate(self._fd, self.size)
            os.fdatasync(self._fd)
            if self.size:
                seal(self.path)
            else:
                self.path.unlink()
        finally:
            os.close(self._fd)


def settle(futures: list[Future[None]], error: Busy | None) -> None:
    """Tell threads that wait."""
    for future in futures:
        if not future.set_running_or_notify_cancel():
            continue  # nobody waits any more; the record stays
        if error:
            future.set_exception(error)
        else:
            future.set_result(None)


def fill(batch: Sequence[Waiting], held: int) -> Iterator[list[Waiting]]:
    """Cut a batch so that no segment outgrows SEAL_BYTES, the first one holding `held` already.

    ClickHouse decodes a segment in one go, so its size bounds the memory that loading takes. Only a
    record that is larger by itself makes a larger segment. The first share may be empty.
    """
    share: list[Waiting] = []
    for waiting in batch:
        size = len(waiting[0])
        if held and held + size > SEAL_BYTES:
            yield share
            share, held = [], 0
        share.append(waiting)
        held += size
    yield share


def write_all(fd: int, records: Sequence[bytes]) -> None:
    """Write records one behind the other without joining them first."""
    written = os.writev(fd, records)
    if written < sum(map(len, records)):
        rest = memoryview(b"".join(records))[written:]
        while rest:
            rest = rest[os.write(fd, rest) :]

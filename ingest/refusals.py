"""What wasn't taken from each workspace, for the people of that workspace to see.

Refusals are gathered in memory and written down every few seconds, so that a client which repeats a
bad request a thousand times a second costs one row an hour. The process's own counters, which
/metrics shows, don't depend on it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from django.db import DatabaseError, IntegrityError, close_old_connections
from django.db.models import F

from finops.models import Refusal

FLUSH_EVERY_S = 5.0
KEPT_DAYS = 30
MAX_MESSAGE = 300
# Senders choose neither signals nor reasons, only which workspaces' keys they use.
MAX_PLACES = 10_000
REJECTED = "rejected"

log = structlog.get_logger(__name__)
Place = tuple[int, datetime, str, str]


@dataclass(slots=True)
class Noted:
    """What was refused in one place since the last flush."""

    number: int
    message: str
    last_at: datetime


def now_utc() -> datetime:
    return datetime.now(UTC)


class Refusals:
    """Counts refusals by workspace; `run` writes them down until it is stopped."""

    def __init__(self, clock: Callable[[], datetime] = now_utc) -> None:
        self._clock = clock
        self._noted: dict[Place, Noted] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.run, name="refusals", daemon=True)
        self._cleaned_on = 0

    def note(self, workspace_id: int, signal: str, reason: str, number: int, message: str) -> None:
        """Count a refusal; never blocks for long and never raises."""
        now = self._clock()
        hour = now.replace(minute=0, second=0, microsecond=0)
        place = (workspace_id, hour, signal, reason)
        with self._lock:
            before = self._noted.get(place)
            if before is None and len(self._noted) >= MAX_PLACES:
                return
            total = number + (before.number if before else 0)
            self._noted[place] = Noted(total, message[:MAX_MESSAGE], now)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Write down what is left and stop."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def run(self) -> None:
        while not self._stop.wait(FLUSH_EVERY_S):
            self.flush()
        self.flush()

    def flush(self) -> None:
        """Write down what was noted; what can't be written is noted again."""
        with self._lock:
            noted, self._noted = self._noted, {}
        if not noted:
            return
        close_old_connections()
        try:
            for place in list(noted):
                with suppress(IntegrityError):  # the workspace is gone
                    write(place, noted[place])
                del noted[place]
            self._forget_old()
        except DatabaseError as error:
            log.warning("refusals_unwritten", error=str(error), places=len(noted))
            self._note_again(noted)
        finally:
            close_old_connections()

    def _note_again(self, noted: dict[Place, Noted]) -> None:
        with self._lock:
            for place, one in noted.items():
                newer = self._noted.get(place)
                if newer is None:
                    self._noted[place] = one
                else:
                    newer.number += one.number

    def _forget_old(self) -> None:
        now = self._clock()
        if now.toordinal() != self._cleaned_on:
            self._cleaned_on = now.toordinal()
            Refusal.objects.filter(hour__lt=now - timedelta(days=KEPT_DAYS)).delete()


def write(place: Place, noted: Noted) -> None:
    """Add to the hour's row; several receivers may do so at once. Raises DatabaseError."""
    workspace_id, hour, signal, reason = place
    row, made = Refusal.objects.get_or_create(
        workspace_id=workspace_id,
        hour=hour,
        signal=signal,
        reason=reason,
        defaults={
            "number": noted.number,
            "message": noted.message,
            "last_at": noted.last_at,
        },
    )
    if not made:
        Refusal.objects.filter(pk=row.pk).update(
            number=F("number") + noted.number, message=noted.message, last_at=noted.last_at
        )

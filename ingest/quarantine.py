"""The quarantine: what ClickHouse refused, kept until somebody decides.

Each refused segment lies in quarantine/ of its signal's folder as NAME.seg, in the format of the
spool, with NAME.json beside it that says why. Putting it back is one rename, so it is either here
or waiting there, whatever dies; a request that was loaded before is only one copy more of
rows that collapse by key.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ingest.outline import outline
from ingest.record import Record, read_records
from ingest.segments import QUARANTINE, SEALED, scan, sync_folder
from ingest.signal import Signal

# What a name gets for each time that the segment is tried again: tokens of the first try are void.
AGAIN = "q"


class NotQuarantined(Exception):
    """There is no such segment in quarantine."""

    code = "not_quarantined"
    retryable = False


class NothingWhole(Exception):
    """The file is damaged from its first byte: there is no request in it to load."""

    code = "nothing_whole"
    retryable = False


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A refused segment; `items` counts spans or data points, `at` is when it was set aside."""

    signal: Signal
    path: Path
    segment: str
    reason: str
    at: datetime | None
    workspaces: tuple[int, ...]
    requests: int
    items: int
    size: int

    def records(self) -> list[Record]:
        return list(read_records(self.path.read_bytes()))


def list_quarantined(spool: Path, signals: Iterable[Signal]) -> list[Quarantined]:
    """Return what every signal has in quarantine, oldest first."""
    found = [
        look(signal, path)
        for signal in signals
        for path, _ in scan(signal.within(spool) / QUARANTINE)
        if path.suffix == SEALED
    ]
    return sorted(found, key=lambda entry: entry.segment)


def find(spool: Path, signals: Iterable[Signal], segment: str) -> Quarantined:
    """Return one segment by name; raises NotQuarantined."""
    for entry in list_quarantined(spool, signals):
        if entry.segment == segment:
            return entry
    raise NotQuarantined(
        f"There is no segment {segment} in quarantine; `manage.py quarantine list` names those "
        "that are."
    )


def look(signal: Signal, path: Path) -> Quarantined:
    data = path.read_bytes()
    records = list(read_records(data))
    reason, at = read_reason(path.with_suffix(".json"))
    return Quarantined(
        signal,
        path,
        path.stem,
        reason,
        at,
        tuple(sorted({record.stamp.workspace_id for record in records})),
        len(records),
        sum(record.stamp.spans for record in records),
        len(data),
    )


def read_reason(path: Path) -> tuple[str, datetime | None]:
    """Return why and when; a missing note, as a crash may leave it, hides nothing else."""
    try:
        note = json.loads(path.read_text())
        return str(note["reason"]), datetime.fromisoformat(note["at"])
    except (OSError, ValueError, KeyError, TypeError):
        return "not known", None


def put_back(entry: Quarantined) -> str:
    """Give a segment back to the spool, to be loaded once more; returns its new name.

    The time that its name begins with stays, since its requests are looked for from there on.
    Raises NothingWhole.
    """
    if not entry.requests:
        raise NothingWhole(
            f"{entry.segment} is damaged from its first byte: nothing in it can be loaded."
        )
    name = entry.segment + AGAIN
    spool = entry.path.parent.parent
    entry.path.rename(spool / (name + SEALED))
    sync_folder(spool)
    forget_note(entry)
    return name


def throw_away(entry: Quarantined) -> None:
    """Delete a segment for good."""
    entry.path.unlink()
    forget_note(entry)


def forget_note(entry: Quarantined) -> None:
    entry.path.with_suffix(".json").unlink(missing_ok=True)
    sync_folder(entry.path.parent)


def outlines(entry: Quarantined) -> Iterator[dict[str, object]]:
    """Yield, for each request, what it is made of, without what its texts say."""
    for record in entry.records():
        yield {
            "receipt": record.stamp.receipt,
            "workspace_id": record.stamp.workspace_id,
            "received_at_ms": record.stamp.received_at_ms,
            "items": record.stamp.spans,
            "bytes": record.size,
            "request": outline(entry.signal.message, record.body),
        }

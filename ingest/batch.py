"""Which segments the loader has in hand.

A statement's deduplication token stands for exactly the segments that it loads, so a batch, once
begun, must be the same after a crash. Its names are therefore written to a file before the first
statement, and the file goes after the last segment does.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ingest.segments import SEALED, Segment, list_sealed, sync_folder

MANIFEST = "loader.batch"
MAX_SEGMENTS = 64
MAX_BYTES = 128 * 1024**2
# Records are stamped before their segment is begun; no request waits that long for the disk.
STAMPED_BEFORE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Batch:
    """Segments that are loaded by the same statements; never empty."""

    folder: Path
    names: tuple[str, ...]
    # An earlier try may have brought some of it in; see ingest/again.py.
    again: bool = field(default=False, compare=False)

    @property
    def token(self) -> str:
        """Names this batch in deduplication tokens: no other batch has its first and last."""
        return f"{self.names[0]}:{self.names[-1]}:{len(self.names)}"

    @property
    def since(self) -> datetime:
        """A time before the first of its records came."""
        first_ns = int(self.names[0].partition("-")[0])
        return datetime.fromtimestamp(first_ns / 1e9, UTC) - STAMPED_BEFORE

    @property
    def glob(self) -> str:
        """The files' names as ClickHouse's file() takes them."""
        return "{" + ",".join(name + SEALED for name in self.names) + "}"

    @property
    def size(self) -> int:
        """Bytes of the files that are still there."""
        return sum(path.stat().st_size for path in self.paths() if path.exists())

    def paths(self) -> list[Path]:
        return [self.folder / (name + SEALED) for name in self.names]


def next_batch(folder: Path, skip: Collection[str] = ()) -> Batch | None:
    """Return the batch that was begun, else begin one with the oldest segments; None when idle."""
    begun = read_begun(folder)
    if begun is not None:
        return begun
    chosen = choose([segment for segment in list_sealed(folder) if segment.name not in skip])
    return begin(folder, tuple(segment.name for segment in chosen)) if chosen else None


def choose(segments: list[Segment]) -> list[Segment]:
    """Return the first segments, as many as fit in one batch, but at least one."""
    size = 0
    for count, segment in enumerate(segments):
        size += segment.size
        if count == MAX_SEGMENTS or (count and size > MAX_BYTES):
            return segments[:count]
    return segments


def read_begun(folder: Path) -> Batch | None:
    """Return the batch in hand, if some of its segments are still there."""
    try:
        names = tuple((folder / MANIFEST).read_text().split())
    except FileNotFoundError:
        return None
    batch = Batch(folder, names, again=True)
    if any(path.exists() for path in batch.paths()):
        return batch
    drop(folder)
    return None


def begin(folder: Path, names: tuple[str, ...]) -> Batch:
    """Write down, durably, which segments are in hand."""
    draft = folder / (MANIFEST + ".new")
    with draft.open("w") as file:
        file.write("\n".join(names))
        file.flush()
        os.fsync(file.fileno())
    draft.rename(folder / MANIFEST)
    sync_folder(folder)
    return Batch(folder, names)


def drop(folder: Path) -> None:
    """Have nothing in hand."""
    (folder / MANIFEST).unlink(missing_ok=True)


def finish(batch: Batch) -> None:
    """Remove what was loaded."""
    for path in batch.paths():
        path.unlink(missing_ok=True)
    drop(batch.folder)

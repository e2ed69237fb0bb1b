"""The spool's folder: names of segments, their states, and what a dead receiver left behind.

A segment is written as NAME.open by one receiver, which holds a lock on it, and renamed to NAME.seg
when it is whole. NAME starts with the time in nanoseconds, so names sort by age. A .open file that
nobody locks belongs to a receiver that died: its torn tail, which nobody was told about, is cut
and the rest is sealed.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path

from ingest.record import sound_length, tally

OPEN = ".open"
SEALED = ".seg"
QUARANTINE = "quarantine"
NAME = re.compile(r"\d{1,19}-\w+")


@dataclass(frozen=True, slots=True)
class Segment:
    """A sealed segment; `name` is its file name without suffix and sorts by age."""

    name: str
    path: Path
    size: int

    @property
    def started_ns(self) -> int:
        """When its first record came, in nanoseconds since 1970."""
        return int(self.name.partition("-")[0])


@dataclass(frozen=True, slots=True)
class Depth:
    """How much waits in a spool."""

    segments: int
    bytes: int
    oldest_ns: int | None
    quarantined: int


def make_folder(folder: Path) -> None:
    """Make the spool. ClickHouse may run as another user, so it may read what is in it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o755)


def name_segment(now_ns: int) -> str:
    """Make a name that no other receiver makes."""
    return f"{now_ns:019d}-{secrets.token_hex(4)}"


def list_sealed(folder: Path) -> list[Segment]:
    """Return the sealed segments, oldest first."""
    found = [
        Segment(path.stem, path, size)
        for path, size in scan(folder)
        if path.suffix == SEALED and NAME.fullmatch(path.stem)
    ]
    return sorted(found, key=lambda segment: segment.name)


def measure(folder: Path) -> Depth:
    """Return what waits in the folder, open segments included; quarantine counts as held too."""
    waiting = [
        (path, size)
        for path, size in scan(folder)
        if path.suffix in (OPEN, SEALED) and NAME.fullmatch(path.stem)
    ]
    set_aside = [size for path, size in scan(folder / QUARANTINE) if path.suffix == SEALED]
    oldest = min((path.name for path, size in waiting if size), default=None)
    return Depth(
        segments=len(waiting),
        bytes=sum(size for _, size in waiting) + sum(set_aside),
        oldest_ns=int(oldest.partition("-")[0]) if oldest else None,
        quarantined=len(set_aside),
    )


def scan(folder: Path) -> Iterator[tuple[Path, int]]:
    """Yield files and sizes; a file that another process removes meanwhile is left out."""
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        return
    with entries:
        for entry in entries:
            try:
                if entry.is_file():
                    yield Path(entry.path), entry.stat().st_size
            except FileNotFoundError:
                continue


def tally_files(paths: Iterable[Path]) -> tuple[int, int]:
    """Return how many requests and spans files hold; one that is gone holds none.

    They are mapped, not read: only the pages with stamps on them come into memory.
    """
    requests = spans = 0
    for path in paths:
        with suppress(FileNotFoundError), path.open("rb") as file:
            if os.fstat(file.fileno()).st_size:
                with mmap(file.fileno(), 0, access=ACCESS_READ) as data:
                    found = tally(data)
                requests, spans = requests + found[0], spans + found[1]
    return requests, spans


def open_segment(folder: Path, now_ns: int) -> tuple[Path, int]:
    """Create and lock a new segment; returns its path and file descriptor."""
    while True:
        path = folder / (name_segment(now_ns) + OPEN)
        fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o644)
        fcntl.flock(fd, fcntl.LOCK_EX)
        if still_there(path, fd):  # a sweep may have come between creating and locking
            sync_folder(folder)
            return path, fd
        os.close(fd)


def seal(path: Path) -> None:
    """Give a whole segment its final name, durably."""
    path.rename(path.with_suffix(SEALED))
    sync_folder(path.parent)


def recover(folder: Path) -> list[tuple[str, int]]:
    """Seal what dead receivers left open; returns the names with the bytes cut from each."""
    left = sorted(path for path, _ in scan(folder) if path.suffix == OPEN)
    return [result for path in left if (result := recover_one(path)) is not None]


def recover_one(path: Path) -> tuple[str, int] | None:
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not still_there(path, fd):
            return None
        data = path.read_bytes()
        sound = sound_length(data)
        if sound == 0:
            path.unlink()
        else:
            os.ftruncate(fd, sound)
            os.fsync(fd)
            seal(path)
        return path.stem, len(data) - sound
    except BlockingIOError:
        return None  # its receiver lives
    finally:
        os.close(fd)


def still_there(path: Path, fd: int) -> bool:
    """Say whether the file under this name is the one that is locked."""
    try:
        return path.stat().st_ino == os.fstat(fd).st_ino
    except FileNotFoundError:
        return False


def sync_folder(folder: Path) -> None:
    """Make names in the folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

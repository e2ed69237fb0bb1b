"""Private files for the rows of an INSERT, between the last block and the engine's read.

A file starts in memory (tmpfs) while there is room and moves to the data folder when it grows.
Both places belong to this server alone and are emptied when it starts.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from finops.clickhouse.embedded.errors import NOT_ENOUGH_SPACE, QueryError

TMPFS = Path("/dev/shm")  # noqa: S108 - a folder of our own inside, made with mode 0700
MEMORY_SHARE = 4
"""At most this part of what is free in memory."""
MEMORY_MOST_BYTES = 256 << 20
DISK_RESERVE_BYTES = 512 << 20
"""What an INSERT leaves free on the disk, for the engine's parts and merges."""


@dataclass
class StagedRows:
    """A file that takes blocks in Native form and moves to the disk when memory is short."""

    place: Staging
    path: Path
    file: BinaryIO
    in_memory: bool
    size: int = 0
    rows: int = 0

    def write(self, piece: bytes) -> None:
        """Append; QueryError 243 when neither memory nor disk has room."""
        if self.in_memory and not self.place.take_memory(len(piece)):
            self._move_to_disk()
        if not self.in_memory:
            self.place.check_disk(len(piece))
        self.file.write(piece)
        self.size += len(piece)

    def finish(self) -> Path:
        """Close the file for reading by the engine."""
        self.file.close()
        return self.path

    def discard(self) -> None:
        self.file.close()
        self.path.unlink(missing_ok=True)
        if self.in_memory:
            self.place.give_memory(self.size)

    def _move_to_disk(self) -> None:
        self.place.check_disk(self.size)
        self.file.close()
        self.path = Path(shutil.move(self.path, self.place.disk))
        self.file = self.path.open("ab")
        self.in_memory = False
        self.place.give_memory(self.size)


@dataclass
class Staging:
    """The two folders, and how much memory may be used at once."""

    disk: Path
    memory: Path | None
    memory_bytes: int
    _used: int = 0
    _made: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def close(self) -> None:
        """Remove the folder in memory, which holds no file any more."""
        if self.memory:
            with suppress(OSError):
                self.memory.rmdir()

    @contextmanager
    def rows(self) -> Iterator[StagedRows]:
        """Lend a file, and remove it at the end."""
        with self._lock:
            self._made += 1
            name = f"{self._made}.native"
        staged = self._open(name)
        try:
            yield staged
        finally:
            staged.discard()

    def _open(self, name: str) -> StagedRows:
        if self.memory:
            path = self.memory / name
            # Somebody may have cleaned up in the shared folder of memory files.
            with suppress(OSError):
                return StagedRows(self, path, path.open("wb"), in_memory=True)
        path = self.disk / name
        return StagedRows(self, path, path.open("wb"), in_memory=False)

    def take_memory(self, size: int) -> bool:
        with self._lock:
            fits = self._used + size <= self.memory_bytes
            self._used += size if fits else 0
        return fits

    def give_memory(self, size: int) -> None:
        with self._lock:
            self._used -= size

    def check_disk(self, size: int) -> None:
        if shutil.disk_usage(self.disk).free - size < DISK_RESERVE_BYTES:
            raise QueryError(
                NOT_ENOUGH_SPACE,
                f"DB::Exception: The disk of {self.disk} is too full for the rows of this INSERT. "
                "(NOT_ENOUGH_SPACE)",
            )


def open_staging(data_dir: Path, tmpfs: Path = TMPFS) -> Staging:
    """Make the folders of this data folder's server and remove what a killed one left there."""
    disk = data_dir / "staging"
    _empty(disk)
    memory = tmpfs / f"inferledger-{_name_of(data_dir)}"
    try:
        _empty(memory)
        free = shutil.disk_usage(memory).free
    except OSError:
        return Staging(disk, None, 0)
    return Staging(disk, memory, min(free // MEMORY_SHARE, MEMORY_MOST_BYTES))


def _name_of(data_dir: Path) -> str:
    return hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:16]


def _empty(folder: Path) -> None:
    """Make the folder ours alone and empty; OSError when somebody else owns the name."""
    if folder.is_symlink():
        raise PermissionError(f"{folder} is a link")
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user")
    folder.chmod(0o700)
    for leftover in folder.iterdir():
        leftover.unlink()

"""One server for a data folder: chDB refuses a second one too, but without saying why."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from finops.clickhouse.embedded.errors import StartupRefused


@contextmanager
def hold(data_dir: Path, now: datetime) -> Iterator[Callable[[int], None]]:
    """Hold DIR/lock, which says who holds it: pid, start and port.

    Yields the function that adds the port. The kernel releases the lock when the process ends,
    however it ends. Raises StartupRefused naming the holder when another process has it.
    """
    path = data_dir / "lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartupRefused(
                f"The data folder {data_dir} is in use by another ClickHouse "
                f"({describe(path)}). Stop it, or choose another --data-dir."
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"pid={os.getpid()}\nstarted={now.isoformat()}\n".encode())
        yield lambda port: write_port(descriptor, port)
    finally:
        os.close(descriptor)


def write_port(descriptor: int, port: int) -> None:
    """Say in the lock file where its holder listens."""
    os.write(descriptor, f"port={port}\n".encode())


def describe(path: Path) -> str:
    """Who holds the lock, in one line."""
    return ", ".join(path.read_text().replace("=", " ").split("\n")).strip(", ") or "starting now"

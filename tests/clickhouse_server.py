"""Starting the embedded ClickHouse for a test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
READY_S = 60
END_S = 30


@dataclass
class EmbeddedServer:
    """A running server; `log` is what it wrote to stderr."""

    data_dir: Path
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def password(self) -> str:
        return (self.data_dir / "password").read_text().strip()

    @property
    def url(self) -> str:
        return f"clickhouse://finops:{self.password}@127.0.0.1:{self.port}/finops"

    def stop(self) -> int:
        """Stop cleanly and return the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(END_S)

    def kill(self) -> None:
        """kill -9, as the kernel does when memory is short."""
        self.process.kill()
        self.process.wait(END_S)


def start_embedded(folder: Path, *options: str, port: int = 0) -> EmbeddedServer:
    """Start a server on DIR/clickhouse and wait until it accepts; a free port unless one is given.

    It writes without fsync, unless the options say "--fsync".
    """
    folder.mkdir(parents=True, exist_ok=True)
    data_dir, log = folder / "clickhouse", folder / "clickhouse.log"
    fsync = () if "--fsync" in options else ("--no-fsync",)
    with log.open("ab") as stderr:
        began = stderr.tell()
        process = spawn(
            data_dir,
            "--port",
            str(port),
            *fsync,
            *(o for o in options if o != "--fsync"),
            log=stderr,
        )
    until = time.monotonic() + READY_S
    while b"event=ready" not in (written := log.read_bytes()[began:]):
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            raise RuntimeError(f"The embedded server didn't start: {written.decode()}")
        time.sleep(0.02)
    held = dict(line.split("=", 1) for line in (data_dir / "lock").read_text().split())
    return EmbeddedServer(data_dir, process, int(held["port"]), log)


def spawn(data_dir: Path, *options: str, log: IO[bytes] | int) -> subprocess.Popen[bytes]:
    """Start the process without waiting for it."""
    return subprocess.Popen(
        [sys.executable, "-m", "finops.clickhouse.embedded", "--data-dir", str(data_dir), *options],
        cwd=ROOT,
        stderr=log,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


@contextmanager
def running(folder: Path, *options: str) -> Iterator[EmbeddedServer]:
    """A server that is stopped at the end."""
    server = start_embedded(folder, *options)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def server_url(folder: Path) -> Iterator[str]:
    """The server of FINOPS_TEST_CLICKHOUSE_URL, or an embedded one of this test run's own."""
    url = os.environ.get("FINOPS_TEST_CLICKHOUSE_URL", "")
    if url:
        yield url
        return
    with running(folder) as server:
        yield server.url

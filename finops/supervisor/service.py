"""One supervised process: its command, its log file, and when it may be started again."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from finops.config import ROOT

LOG_LIMIT_BYTES = 20 * 1024**2
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
# A process that lived this long was well: its next start needs no patience.
WELL_AFTER_S = 30.0
PR_SET_PDEATHSIG = 1


def die_with_parent() -> Callable[[], None] | None:
    """Return what has the kernel end a child whose supervisor was killed; None where it can't."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)

    def ask_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    return ask_kernel


@dataclass
class Service:
    """A process to keep alive; `starts` counts how often it was started."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    started_s: float = 0.0
    pause_s: float = FIRST_PAUSE_S
    due_s: float = 0.0

    def start(self, now_s: float) -> None:
        """Start the process in its own session, so that Ctrl-C reaches the supervisor alone."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment},
                start_new_session=True,
                preexec_fn=die_with_parent(),  # noqa: PLW1509
            )
        self.starts += 1
        self.started_s = now_s

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def plan_restart(self, now_s: float) -> None:
        """Decide when to start again: at once at first, later and later while it keeps dying."""
        if now_s - self.started_s >= WELL_AFTER_S:
            self.pause_s = FIRST_PAUSE_S
        self.due_s = now_s + self.pause_s
        self.pause_s = min(self.pause_s * 2, LONGEST_PAUSE_S)

    def ask_to_stop(self) -> None:
        if self.process is not None and self.alive:
            self.process.terminate()

    def wait(self, timeout_s: float) -> bool:
        """Wait for the process to end, or kill it after the time-out; True if it ended itself."""
        if self.process is None:
            return True
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return False
        return True

    def trim_log(self) -> None:
        """Keep one older log and a bounded newer one; the process goes on at the new end."""
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT_BYTES:
            shutil.copyfile(self.log, self.log.with_suffix(".log.1"))
            os.truncate(self.log, 0)

    def last_lines(self, count: int = 5) -> str:
        """Return the end of the log, for the message about a process that can't start."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])

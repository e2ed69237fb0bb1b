"""The loader as a child of the receiver: started again when it dies, never left alone."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from finops.config import ROOT
from finops.supervisor.service import die_with_parent

COMMAND = (sys.executable, str(ROOT / "manage.py"), "ingest", "--part", "loader")
LOOK_EVERY_S = 0.2
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
WELL_AFTER_S = 30.0
STOP_TIMEOUT_S = 8.0

log = structlog.get_logger(__name__)


@contextmanager
def loader_beside(command: tuple[str, ...] = COMMAND) -> Iterator[None]:
    """Keep a loader process alive while the block runs, then end it after its batch."""
    stop = threading.Event()
    keeper = threading.Thread(target=keep_alive, args=(command, stop), name="loader-keeper")
    keeper.start()
    try:
        yield
    finally:
        stop.set()
        keeper.join()


def keep_alive(command: tuple[str, ...], stop: threading.Event) -> None:
    """Run `command` again and again until `stop` is set."""
    pause_s = FIRST_PAUSE_S
    while not stop.is_set():
        started = time.monotonic()
        status = run_until(command, stop)
        if stop.is_set():
            return
        pause_s = FIRST_PAUSE_S if time.monotonic() - started >= WELL_AFTER_S else pause_s
        log.error("loader_ended", status=status, restart_in_s=pause_s)
        stop.wait(pause_s)
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


def run_until(command: tuple[str, ...], stop: threading.Event) -> int:
    """Run a child until it ends or `stop` is set; the kernel ends it if this process is killed."""
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=die_with_parent(),  # noqa: PLW1509 (it only calls prctl)
    )
    while child.poll() is None and not stop.wait(LOOK_EVERY_S):
        pass
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            child.kill()
    return child.wait()


def stop_with_parent(stop: threading.Event) -> None:
    """Set `stop` when the process that started this one is gone; for systems without prctl."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent and not stop.wait(LOOK_EVERY_S):
            pass
        stop.set()

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()

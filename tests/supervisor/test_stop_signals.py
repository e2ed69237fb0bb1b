"""A wish to stop is heard once, however often it is repeated."""

from __future__ import annotations

import subprocess
import sys

STORM = """
import os, signal, threading
from finops.supervisor.supervise import stop_signals

stop = threading.Event()
me = os.getpid()
with stop_signals(stop):
    sender = threading.Thread(
        target=lambda: [os.kill(me, signal.SIGTERM) for _ in range(2000)], daemon=True
    )
    sender.start()
    while not stop.wait(0.0001):
        pass
    sender.join()
print("stopped")
"""


def test_a_storm_of_signals_stops_a_process_and_never_hangs_it() -> None:
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-c", STORM], capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode, done.stdout) == (0, "stopped\n"), done.stderr

"""Keep a set of services alive until asked to stop."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from finops.supervisor.service import Service

LOOK_EVERY_S = 0.1
TRIM_EVERY_S = 60.0
STOP_TIMEOUT_S = 20.0

Say = Callable[[str], None]


class Supervisor:
    """Starts services in order, starts again what dies, stops them in the reverse order."""

    def __init__(self, say: Say) -> None:
        self.services: list[Service] = []
        self.stopping = threading.Event()
        self._say = say
        self._trimmed_s = time.monotonic()

    def add(self, service: Service) -> Service:
        """Start a service and keep it from now on."""
        service.start(time.monotonic())
        self.services.append(service)
        return service

    def look(self) -> None:
        """Look once at every service; start again what has died and whose pause is over."""
        now_s = time.monotonic()
        for service in self.services:
            if service.alive:
                continue
            if service.process is not None:
                how = describe(service.process.returncode)
                self._say(f"{service.name} ended ({how}); starting it again.")
                service.process = None
                service.plan_restart(now_s)
            if now_s >= service.due_s:
                service.start(now_s)
        if now_s - self._trimmed_s > TRIM_EVERY_S:
            self._trimmed_s = now_s
            for service in self.services:
                service.trim_log()

    def watch(self) -> None:
        """Look again and again until `stopping` is set."""
        while not self.stopping.wait(LOOK_EVERY_S):
            self.look()

    def stop(self) -> None:
        """Stop all, the last started first, each with time to finish what it has in hand."""
        self.stopping.set()
        for service in reversed(self.services):
            service.ask_to_stop()
            if not service.wait(STOP_TIMEOUT_S):
                self._say(f"{service.name} didn't stop in {STOP_TIMEOUT_S:.0f} s and was killed.")


def describe(status: int) -> str:
    """Say how a process ended: an exit status, or the signal that ended it."""
    return signal.Signals(-status).name if status < 0 else f"status {status}"


def wait_until(ready: Callable[[], bool], supervisor: Supervisor, timeout_s: float) -> bool:
    """Wait until something is ready, looking after the services meanwhile."""
    limit_s = time.monotonic() + timeout_s
    while time.monotonic() < limit_s and not supervisor.stopping.is_set():
        supervisor.look()
        if ready():
            return True
        time.sleep(LOOK_EVERY_S)
    return False


@contextmanager
def stop_signals(stopping: threading.Event) -> Iterator[None]:
    """Turn SIGINT and SIGTERM into a wish to stop; repeating it changes nothing.

    An Event's lock isn't reentrant: a signal that comes in the middle of `set` or `wait` of this
    thread would wait for it forever. So another thread sets it, and further signals are ignored.
    """
    numbers: Sequence[signal.Signals] = (signal.SIGINT, signal.SIGTERM)

    def wish(_number: int, _frame: FrameType | None) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        threading.Thread(target=stopping.set, name="stop", daemon=True).start()

    before = {number: signal.signal(number, wish) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""A bounded queue between the threads that call and the one thread that sends.

`put` must never wait and may be entered from a garbage collection or a signal in the middle of
itself (a stream that is dropped finishes its call there). So it takes no lock: a deque's append and
the release of a bare lock are single steps of the interpreter.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, Literal, Protocol, TypeVar

from inferledger._log import say, say_broken

Item = TypeVar("Item")
Item_contra = TypeVar("Item_contra", contravariant=True)
OnFull = Literal["drop", "wait"]


class Sender(Protocol[Item_contra]):
    """Delivers items; it may take as long as it likes until it is told to give up."""

    def send(self, items: Sequence[Item_contra], /) -> None:
        """Deliver a batch, with retries."""

    def nudge(self) -> None:
        """Try at once instead of waiting for the next retry."""

    def give_up_at(self, deadline: float) -> None:
        """Stop trying at this `time.monotonic()`."""

    def after_fork(self) -> None:
        """Forget what another thread of the parent process held."""


class SendQueue(Generic[Item]):
    """Holds at most `capacity` items and feeds them to the sender in batches, in order."""

    def __init__(
        self,
        sender: Sender[Item],
        *,
        capacity: int,
        noun: str = "calls",
        batch: int = 512,
        delay_s: float = 1.0,
        on_full: OnFull = "drop",
        at_start: Callable[[], None] | None = None,
    ) -> None:
        self._sender = sender
        self._capacity = capacity
        self._noun = noun
        self._batch = min(batch, capacity)
        self._delay_s = delay_s
        self._on_full = on_full
        self._at_start = at_start
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._waiting: deque[Item | threading.Event] = deque()
        self._wake = threading.Lock()
        self._wake.acquire()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closing = False
        self.dropped = 0

    def put(self, item: Item) -> None:
        """Take an item, or drop it when the queue is full (or wait, if that was asked for)."""
        if self._thread is None:
            self._start()
        if len(self._waiting) >= self._capacity and not self._make_room():
            return
        self._waiting.append(item)
        if len(self._waiting) >= self._batch:
            self._rouse()

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was put before is settled; False when the time was not enough."""
        if self._thread is None:
            return not self._waiting
        settled = threading.Event()
        self._waiting.append(settled)
        self._sender.nudge()
        self._rouse()
        return settled.wait(timeout_s)

    def close(self, timeout_s: float) -> bool:
        """Flush, then end the thread; False when items were left behind."""
        self._sender.give_up_at(time.monotonic() + timeout_s)
        if self._thread is None:
            self._drain()  # No thread could be started, as late in the life of an interpreter.
        flushed = self.flush(timeout_s)
        self._closing = True
        self._rouse()
        if not flushed:
            say("left", "the collector did not answer in time; the last %s may be lost", self._noun)
        return flushed

    def after_fork(self) -> None:
        """Begin empty in a child process: what was waiting is the parent's to send."""
        self._start_afresh()
        self._sender.after_fork()

    def _make_room(self) -> bool:
        if self._on_full == "wait":
            while len(self._waiting) >= self._capacity and not self._closing:
                self._rouse()
                time.sleep(0.002)
            return not self._closing
        self.dropped += 1
        say(
            "full",
            "the queue is full (%d %s); %d dropped so far",
            self._capacity,
            self._noun,
            self.dropped,
        )
        return False

    def _rouse(self) -> None:
        with contextlib.suppress(RuntimeError):  # Already awake.
            self._wake.release()

    def _start(self) -> None:
        if self._starting.acquire(blocking=False):
            thread = threading.Thread(target=self._run, name="inferledger-sender", daemon=True)
            thread.start()
            self._thread = thread
            if self._at_start is not None:
                self._at_start()

    def _run(self) -> None:
        while not self._closing:
            self._wake.acquire(timeout=self._delay_s)
            self._drain()

    def _drain(self) -> None:
        # Only what is here now: items that arrive meanwhile make the next full batch.
        left = len(self._waiting)
        while left > 0:
            items: list[Item] = []
            settled: list[threading.Event] = []
            while len(items) < self._batch and len(items) + len(settled) < left:
                item = self._waiting.popleft()
                if isinstance(item, threading.Event):
                    settled.append(item)
                else:
                    items.append(item)
            left -= len(items) + len(settled)
            self._deliver(items)
            for event in settled:
                event.set()

    def _deliver(self, items: list[Item]) -> None:
        try:
            if items:
                self._sender.send(items)
        except Exception as error:
            # A batch that cannot be sent must not end the thread.
            say_broken("sending", error)

"""Shows how a play goes on: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars


class Bar:
    """Two bars, one after the other: requests sent, calls charged. Use it as a context."""

    def __init__(self, console: Console, requests: int) -> None:
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )
        self._sending = self._bars.add_task("Playing recorded traffic", total=requests)
        self._charging: TaskID | None = None

    def __enter__(self) -> Bar:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def sent(self, requests: int) -> None:
        """Advance the first bar."""
        self._bars.advance(self._sending, requests)

    def charged(self, calls: int, of: int) -> None:
        """Show the second bar, which starts when the first one is full."""
        if self._charging is None:
            done = self._bars.tasks[0].completed
            self._bars.update(self._sending, total=done)
            self._charging = self._bars.add_task("Working out the cost", total=of)
        self._bars.update(self._charging, completed=calls)


class Lines:
    """A line for each step that was made; silent while nothing changes."""

    def __init__(self, say: Callable[[str], None], requests: int) -> None:
        self._say = say
        self._requests = requests
        self._sent = 0
        self._charged = -1

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def sent(self, requests: int) -> None:
        """Say how many requests are acknowledged, and of how many until the estimate is reached."""
        self._sent += requests
        estimate = f" of about {self._requests}" if self._sent < self._requests else ""
        self._say(f"played {self._sent}{estimate} requests")

    def charged(self, calls: int, of: int) -> None:
        """Say how many calls are in the ledger, when it changed."""
        if calls != self._charged:
            self._charged = calls
            self._say(f"charged {calls} of {of} calls")

"""Every signal's loader in one process, each in a thread and with a connection of its own.

So neither signal waits for the other, and each keeps its own order. If one loader falls over, all
stop: the process ends with an error, and is started again whole.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import structlog

from finops.config import Config
from ingest.load import TRACES
from ingest.loader import Loader
from ingest.metrics.load import METRICS
from ingest.signal import Signal

SIGNALS: tuple[Signal, ...] = (TRACES, METRICS)

log = structlog.get_logger(__name__)


class LoaderFell(Exception):
    """A loader ended by an error that nobody expected; the others were stopped."""

    code = "loader_fell"
    retryable = True


def make_loaders(config: Config, signals: Sequence[Signal] = SIGNALS) -> list[Loader]:
    """Make a loader for each signal; nothing runs yet."""
    spool, seen = Path(config.spool), config.spool_seen_by_clickhouse
    return [
        Loader(signal.within(spool), signal.seen_within(seen), signal=signal) for signal in signals
    ]


def run_loaders(loaders: Sequence[Loader], stop: threading.Event) -> None:
    """Run all until `stop` is set, the batches in hand finished. Raises LoaderFell."""
    fallen: list[str] = []

    def run(loader: Loader) -> None:
        try:
            loader.run(stop)
        except Exception:
            log.exception("loader_fell", signal=loader.signal.name)
            fallen.append(loader.signal.name)
        finally:
            stop.set()

    threads = [
        threading.Thread(target=run, args=(loader,), name=f"load-{loader.signal.name}")
        for loader in loaders
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if fallen:
        raise LoaderFell(f"The loader of {', '.join(fallen)} fell over; its log says why.")

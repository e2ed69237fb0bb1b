"""kill -9 under load: what was acknowledged is there, once."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from finops.clickhouse.client import Warehouse
from ingest.segments import list_sealed
from tests.ingest.collector import Collector, Installation, collector
from tests.ingest.loading import count
from tests.ingest.payloads import START_NS, Span, request
from tests.ingest.waiting import wait_until

SENDERS = 3
SPANS = 20
PAUSE_S = 0.02


class Sender(threading.Thread):
    """Sends requests of new spans until told to stop; remembers which were acknowledged.

    Nothing is sent twice, so every row that is there twice was doubled by the collector.
    """

    def __init__(self, to: Collector, number: int, stop: threading.Event) -> None:
        super().__init__()
        self.to = to
        self.number = number
        self.stop = stop
        self.acknowledged: set[str] = set()

    def run(self) -> None:
        sent = 0
        while not self.stop.is_set():
            sent += 1
            trace_id = self.number.to_bytes(8, "big") + sent.to_bytes(8, "big")
            spans = [
                Span(
                    {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"},
                    trace_id=trace_id,
                    span_id=n.to_bytes(8, "big"),
                    start_ns=START_NS,
                )
                for n in range(1, SPANS + 1)
            ]
            if self.to.post(request(*spans)) == 200:
                self.acknowledged.add(trace_id.hex().upper())
            time.sleep(PAUSE_S)


def traces(ch: Warehouse, table: str) -> dict[str, tuple[int, int]]:
    """Trace -> rows, and rows that differ."""
    rows = ch.query(
        "SELECT hex(trace_id) AS trace, count() AS rows, uniqExact(span_id) AS spans"
        f" FROM {table} GROUP BY trace"
    )
    return {row["trace"]: (row["rows"], row["spans"]) for row in rows}


def wait_for_more(ch: Warehouse) -> None:
    """Wait until the loader got something through."""
    seen = count(ch, "calls")
    wait_until(lambda: count(ch, "calls") > seen)


def kill_loader(running: Collector, ch: Warehouse) -> None:
    """kill -9 the loader while it works."""
    wait_for_more(ch)
    loader = running.loader()
    assert loader is not None
    os.kill(loader, signal.SIGKILL)


@pytest.mark.slow
def test_what_was_acknowledged_is_stored_exactly_once(
    ch: Warehouse, clickhouse_url: str, tmp_path: Path, installation: Installation
) -> None:
    (database,) = ch.query("SELECT currentDatabase() AS name")
    url = clickhouse_url.rpartition("/")[0] + "/" + database["name"]
    stop = threading.Event()
    with collector(tmp_path, installation, clickhouse_url=url) as running:
        running.start()
        running.wait_ready()
        senders = [Sender(running, number, stop) for number in range(1, SENDERS + 1)]
        for sender in senders:
            sender.start()
        kill_loader(running, ch)
        wait_for_more(ch)
        running.kill()
        running.start()
        running.wait_ready()
        kill_loader(running, ch)
        wait_for_more(ch)
        stop.set()
        for sender in senders:
            sender.join()
        wait_until(lambda: not list_sealed(running.spool) and not any(running.spool.glob("*.open")))
    acknowledged = set().union(*(sender.acknowledged for sender in senders))
    whole = (SPANS, SPANS)
    assert len(acknowledged) > 10
    for table in ("spans", "calls"):
        stored = traces(ch, table)
        assert acknowledged <= stored.keys()
        assert {trace: rows for trace, rows in stored.items() if rows != whole} == {}

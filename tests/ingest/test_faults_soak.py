"""Receiver, loader and ClickHouse killed and started again, round after round, under load.

Then what was acknowledged is compared with what is stored. FINOPS_TEST_SEED repeats the choices of
a run, whose seed is printed; the moments are the machine's own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from finops.clickhouse.client import Warehouse, connect
from finops.clickhouse.errors import WarehouseError
from finops.clickhouse.migrate import Shape, bring_up_to_date
from ingest.segments import measure
from tests.clickhouse_server import EmbeddedServer, start_embedded
from tests.ingest.collector import Collector, Installation, collector, free_port
from tests.ingest.senders import SPANS, Sender, over_grpc, over_http
from tests.ingest.waiting import wait_until

SHORT = os.environ.get("FINOPS_TEST_SOAK") == "short"
ROUNDS = 10 if SHORT else 100
# Long enough that a process which was just started mostly gets to work before it is killed.
LONGEST_PAUSE_S = 3.0
# Every so many rounds, some rows must have got through.
PROGRESS_EVERY = 5
LEAST_TRACES = 50 if SHORT else 500
DRAIN_S = 240
TABLES = ("spans", "calls")

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]


@dataclass
class Stack:
    """The three processes, each of which can be killed alone."""

    folder: Path
    clickhouse: EmbeddedServer
    receiver: Collector
    loader: Collector

    def kill_receiver(self) -> None:
        self.receiver.kill()
        self.receiver.start("--part", "receiver")

    def kill_loader(self) -> None:
        self.loader.kill()
        self.loader.start("--part", "loader")

    def kill_clickhouse(self) -> None:
        self.clickhouse.kill()
        self.clickhouse = start_embedded(self.folder, "--fsync", port=self.clickhouse.port)

    def kill_all(self) -> None:
        self.receiver.kill()
        self.loader.kill()
        self.kill_clickhouse()
        self.receiver.start("--part", "receiver")
        self.loader.start("--part", "loader")

    def got_further(self, seen: int) -> bool:
        """Whether more calls are there than were seen; both parts of the collector must live."""
        for part in (self.receiver, self.loader):
            assert part.process is not None
            assert part.process.poll() is None, part.log[-4000:]
        return self.count() > seen

    def count(self, table: str = "calls") -> int:
        """Rows of a table; -1 while ClickHouse is away."""
        with connected(self.clickhouse.url) as ch:
            try:
                return int(ch.query(f"SELECT count() AS n FROM {table}")[0]["n"])
            except WarehouseError:
                return -1


@contextmanager
def connected(url: str) -> Iterator[Warehouse]:
    ch = connect(url)
    try:
        yield ch
    finally:
        ch.close()


@contextmanager
def running_stack(folder: Path, installation: Installation) -> Iterator[Stack]:
    clickhouse = start_embedded(folder / "server", "--fsync")
    with connected(clickhouse.url) as ch:
        bring_up_to_date(ch, Shape(), datetime.now(UTC))
    settings = {"clickhouse_url": clickhouse.url, "otlp_grpc_port": str(free_port())}
    with collector(folder / "data", installation, **settings) as receiver:
        stack = Stack(folder / "server", clickhouse, receiver, replace(receiver))
        try:
            stack.receiver.start("--part", "receiver")
            stack.loader.start("--part", "loader")
            stack.receiver.wait_ready()
            yield stack
        finally:
            if stack.loader.process is not None:
                stack.loader.stop()
            stack.clickhouse.stop()


@contextmanager
def sending(to: Collector) -> Iterator[list[Sender]]:
    """Senders over every transport, and one that repeats until it is acknowledged."""
    http, as_json = over_http(to.port, to.key), over_http(to.port, to.key, as_json=True)
    rpc = over_grpc(int(to.settings["otlp_grpc_port"]), to.key)
    senders = [Sender(http, 1), Sender(as_json, 2), Sender(rpc, 3), Sender(http, 4, again=True)]
    for sender in senders:
        sender.start()
    try:
        yield senders
    finally:
        for sender in senders:
            sender.stop()


def rows_by_trace(ch: Warehouse, table: str) -> dict[str, tuple[int, int]]:
    """Trace -> rows as they lie there, and different spans."""
    rows = ch.query(
        "SELECT hex(trace_id) AS trace, count() AS rows, uniqExact(span_id) AS spans"
        f" FROM {table} GROUP BY trace"
    )
    return {row["trace"]: (row["rows"], row["spans"]) for row in rows}


def compare(ch: Warehouse, senders: list[Sender]) -> None:
    """What was acknowledged is stored, once; what is stored was sent, and is whole."""
    sent = set().union(*(sender.sent for sender in senders))
    acknowledged = set().union(*(sender.acknowledged for sender in senders))
    repeated = set().union(*(sender.sent for sender in senders if sender.again))
    for table in TABLES:
        stored = rows_by_trace(ch, table)
        assert acknowledged - stored.keys() == set(), f"lost from {table}"
        assert stored.keys() - sent == set(), f"never sent, yet in {table}"
        once = {trace: rows for trace, rows in stored.items() if trace not in repeated}
        assert {trace: rows for trace, rows in once.items() if rows != (SPANS, SPANS)} == {}, table
        assert {spans for _, spans in stored.values()} == {SPANS}, table
    final = rows_by_trace(ch, "calls FINAL")
    assert {trace: rows for trace, rows in final.items() if rows != (SPANS, SPANS)} == {}
    uncharged = "SELECT count() AS n FROM calls WHERE segment NOT IN (SELECT segment FROM segments)"
    assert ch.query(uncharged) == [{"n": 0}]


def wait_for_progress(stack: Stack, seen: int) -> None:
    try:
        wait_until(lambda: stack.got_further(seen))
    except AssertionError:
        print(stack.loader.log[-4000:])
        raise


def test_whatever_is_killed_what_was_acknowledged_is_stored_exactly_once(
    tmp_path: Path, installation: Installation
) -> None:
    seed = int(os.environ.get("FINOPS_TEST_SEED") or time.time_ns() % 10**6)
    print(f"FINOPS_TEST_SEED={seed}")
    rng = Random(seed)
    with running_stack(tmp_path, installation) as stack:
        kills: list[Callable[[], None]] = [
            stack.kill_receiver,
            stack.kill_loader,
            stack.kill_clickhouse,
        ]
        with sending(stack.receiver) as senders:
            seen = 0
            for number in range(ROUNDS):
                time.sleep(rng.uniform(0, LONGEST_PAUSE_S))
                rng.choice([*kills * 3, stack.kill_all])()
                if number % PROGRESS_EVERY == 0:
                    wait_for_progress(stack, seen)
                    seen = stack.count()
            for sender in senders:
                wait_until(lambda sender=sender: sender.acknowledged)  # type: ignore[misc]
        wait_until(lambda: not measure(stack.receiver.spool).segments, timeout_s=DRAIN_S)
        wait_until(lambda: not (stack.receiver.spool / "loader.batch").exists())
        assert measure(stack.receiver.spool).quarantined == 0
        with connected(stack.clickhouse.url) as ch:
            compare(ch, senders)
        counts = [(len(sender.sent), len(sender.acknowledged)) for sender in senders]
        print(f"sent and acknowledged, each of {SPANS} spans: {counts}")
        assert sum(len(sender.acknowledged) for sender in senders) >= LEAST_TRACES

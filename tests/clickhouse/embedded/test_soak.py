"""Killed again and again under load: nothing acknowledged is lost, nothing is there in part."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from clickhouse_driver import Client

from tests.clickhouse.embedded.conftest import only_embedded
from tests.clickhouse_server import start_embedded

pytestmark = [only_embedded, pytest.mark.soak]

KILLS = 10
WRITERS = 4
SIZES = [100, 30_000, 150_000]


class Writer(threading.Thread):
    """Inserts batch after batch, small and large, and notes what was acknowledged."""

    def __init__(self, who: int, url: str, stop: threading.Event) -> None:
        super().__init__()
        self.who = who
        self.url = url + ("?compression=lz4" if who % 2 else "")
        self.stop = stop
        self.sent: dict[int, int] = {}
        self.acknowledged: set[int] = set()

    def run(self) -> None:
        while not self.stop.is_set():
            try:
                with Client.from_url(self.url) as client:
                    while not self.stop.is_set():
                        self.insert(client, len(self.sent) + 1)
            except Exception:
                time.sleep(0.05)

    def insert(self, client: Client, batch: int) -> None:
        rows = self.sent[batch] = SIZES[batch % len(SIZES)]
        if self.who == 0:
            client.execute(f"INSERT INTO t SELECT 0, {batch}, number FROM numbers({rows})")
        else:
            columns = [np.full(rows, self.who), np.full(rows, batch), np.arange(rows)]
            client.execute(
                "INSERT INTO t VALUES",
                [column.astype("uint32") for column in columns],
                columnar=True,
                settings={"use_numpy": True},
            )
        self.acknowledged.add(batch)


def test_every_acknowledged_batch_survives_every_kill(tmp_path: Path) -> None:
    server = start_embedded(tmp_path, "--fsync")
    with Client.from_url(server.url) as client:
        client.execute(
            "CREATE TABLE t (who UInt32, batch UInt32, n UInt32) ENGINE = MergeTree ORDER BY batch"
        )
    stop = threading.Event()
    writers = [Writer(who, server.url, stop) for who in range(WRITERS)]
    for writer in writers:
        writer.start()
    for kill in range(KILLS):
        time.sleep(1 + kill % 3)
        server.kill()
        server = start_embedded(tmp_path, "--fsync", port=server.port)
    stop.set()
    for writer in writers:
        writer.join(60)
    with Client.from_url(server.url) as client:
        counts = "SELECT who, batch, count(), uniqExact(n) FROM t GROUP BY who, batch"
        found = {
            (who, batch): (rows, distinct) for who, batch, rows, distinct in client.execute(counts)
        }
    server.stop()
    for writer in writers:
        assert writer.acknowledged
        for batch in writer.acknowledged:
            rows = writer.sent[batch]
            assert found[writer.who, batch] == (rows, rows)
    for (who, batch), (rows, distinct) in found.items():
        assert rows == distinct == writers[who].sent[batch]

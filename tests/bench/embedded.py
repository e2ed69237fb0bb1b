"""The embedded ClickHouse beside chDB in process: what the way over the socket costs.

The peer runs in a process of its own, on a folder of its own, with the same session code. INSERTs
bring numpy columns, which the driver encodes in no time; the peer reads the same rows from a file
in Native form that is ready made. SELECTs end in the client's numpy arrays and in the peer's bytes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from clickhouse_driver import Client

from tests.clickhouse_server import ROOT, running

ROWS = 200_000
COLUMNS = 10
REPEATS = 7
SHORT_REPEATS = 500

TABLE = (
    "CREATE TABLE bench ("
    + ", ".join(f"c{i} {'Int64' if i % 2 else 'Float32'}" for i in range(COLUMNS))
    + ") ENGINE = MergeTree ORDER BY tuple()"
)
GROUP_BY = "SELECT c1 % 1000 AS k, sum(c0), count() FROM bench GROUP BY k ORDER BY k"


def timed_ms(action: Callable[[], object], repeats: int) -> float:
    """Median of repeats, in milliseconds."""
    took = []
    for _ in range(repeats):
        began = time.perf_counter()
        action()
        took.append((time.perf_counter() - began) * 1000)
    return median(took)


def measure_server(folder: Path) -> dict[str, float]:
    """Milliseconds through the driver and the server."""
    rows = np.arange(ROWS)
    columns = [rows.astype("int64" if i % 2 else "float32") for i in range(COLUMNS)]
    with running(folder) as server, Client.from_url(f"{server.url}?use_numpy=1") as client:
        client.execute(TABLE)
        select_1 = timed_ms(lambda: client.execute("SELECT 1"), SHORT_REPEATS)
        insert = timed_ms(
            lambda: client.execute("INSERT INTO bench VALUES", columns, columnar=True), REPEATS
        )
        select_rows = f"SELECT * FROM bench LIMIT {ROWS}"
        select = timed_ms(lambda: client.execute(select_rows, columnar=True), REPEATS)
        group = timed_ms(lambda: client.execute(GROUP_BY, columnar=True), REPEATS)
    return {"select_1": select_1, "insert": insert, "select": select, "group_by": group}


def measure_in_process(folder: Path) -> dict[str, float]:
    """Milliseconds of chDB in this process."""
    from finops.clickhouse.embedded.engine_config import write_config
    from finops.clickhouse.embedded.session import Engine, Session

    folder.mkdir(parents=True)
    config, rows = folder / "config.xml", folder / "rows.native"
    write_config(config, folder, fsync=False, query_log=False)
    session = Session(Engine(folder / "store", config), "bench")
    session.run(TABLE)
    values = ", ".join(
        f"{'toInt64' if i % 2 else 'toFloat32'}(number) AS c{i}" for i in range(COLUMNS)
    )
    session.run(
        f"INSERT INTO FUNCTION file('{rows}', 'Native') SELECT {values} FROM numbers({ROWS})"
    )

    def read(sql: str) -> int:
        return sum(len(chunk.native) for chunk in session.stream(sql, {}))

    insert = f"INSERT INTO bench SELECT * FROM file('{rows}', 'Native')"
    return {
        "select_1": timed_ms(lambda: read("SELECT 1"), SHORT_REPEATS),
        "insert": timed_ms(lambda: session.run(insert), REPEATS),
        "select": timed_ms(lambda: read(f"SELECT * FROM bench LIMIT {ROWS}"), REPEATS),
        "group_by": timed_ms(lambda: read(GROUP_BY), REPEATS),
    }


def measure_peer(folder: Path) -> dict[str, float]:
    """The same in a child process, since chDB stays in the process that opened it."""
    command = [sys.executable, "-m", "tests.bench.embedded", str(folder)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def measure(workdir: Path) -> list[tuple[str, float, str, str]]:
    """Three interleaved rounds of both; medians of their medians, and ratios to the peer."""
    rounds = [
        (measure_server(workdir / f"server-{i}"), measure_peer(workdir / f"peer-{i}"))
        for i in range(3)
    ]
    server = {name: median(one[name] for one, _ in rounds) for name in rounds[0][0]}
    peer = {name: median(one[name] for _, one in rounds) for name in rounds[0][1]}

    def ratio(name: str) -> float:
        return server[name] / peer[name]

    thousands = ROWS / 1000
    return [
        ("SELECT 1, median", server["select_1"], "ms", "under 2 ms"),
        ("SELECT 1, chDB in process", peer["select_1"], "ms", ""),
        ("INSERT of 200 k rows x 10 columns", thousands / server["insert"] * 1000, "k rows/s", ""),
        ("INSERT, time against in process", ratio("insert"), "x", "under 1.5 x"),
        ("SELECT of 200 k rows x 10 columns", thousands / server["select"] * 1000, "k rows/s", ""),
        ("SELECT, time against in process", ratio("select"), "x", "under 2 x"),
        ("GROUP BY, time against in process", ratio("group_by"), "x", "under 1.5 x"),
    ]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure_in_process(Path(sys.argv[1]))))

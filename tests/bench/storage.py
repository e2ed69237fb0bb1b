"""What a call costs on disk: bytes per row in ClickHouse after merges, by column.

The demo's traffic goes through SDK, collector and charge job as `manage.py demo` sends it, twice:
with the demo's own ids, which count up and so compress well, and with ids as the SDK and the
providers draw them. What is stored of a prompt for replay (hashes, sketch) is told apart.
"""

from __future__ import annotations

import os
import random
import string
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import inferledger
from finops.clickhouse.client import Warehouse, connect
from finops.clickhouse.migrate import Shape, bring_up_to_date
from finops.demo.arrivals import arrivals, shipped_traces
from finops.demo.draw import Drawing, Request
from finops.demo.send import record, send
from tests.bench.ingest import wait_for_calls
from tests.clickhouse_server import running
from tests.ingest.collector import Collector, Installation, collector, environment, install

REQUESTS = 24_000
CHUNK = 4_000  # requests before the next wait, as the demo does
FLUSH_S = 60
FOR_REPLAY = ("prompt_hash", "answer_hash", "prompt_chain", "segments", "sketch")
TABLES = ("spans", "calls", "charges")
LARGEST = 12
LETTERS = string.ascii_letters + string.digits

# Columns of a small part share one file and have no size of their own.
APART = "ALTER TABLE {table} MODIFY SETTING min_bytes_for_wide_part = 0, min_rows_for_wide_part = 0"
COLUMNS = """
SELECT column, sum(column_data_compressed_bytes + column_marks_bytes) / sum(rows) AS bytes
FROM system.parts_columns
WHERE database = currentDatabase() AND table = {table:String} AND active
GROUP BY column
ORDER BY bytes DESC
"""
WHOLE = """
SELECT sum(bytes_on_disk) / sum(rows) AS bytes,
    sum(secondary_indices_compressed_bytes + secondary_indices_marks_bytes) / sum(rows) AS indices
FROM system.parts
WHERE database = currentDatabase() AND table = {table:String} AND active
"""

Figure = tuple[str, float, str, str]
Send = Callable[[Request, datetime], None]


def measure(workdir: Path) -> list[Figure]:
    """Return (name, value, unit, bar) of each figure."""
    installation = install(workdir / "installation")
    with running(workdir / "server") as server:
        ch = connect(server.url)
        bring_up_to_date(ch, Shape(), datetime.now(UTC))
        figures: list[Figure] = []
        for ids, sender in (("ids drawn", send_with_drawn_ids), ("demo", send_as_demo)):
            play(ch, server.url, workdir / sender.__name__, installation, sender)
            merge(ch)
            figures += figures_of(ch, ids)
        ch.close()
    return figures


def figures_of(ch: Warehouse, ids: str) -> list[Figure]:
    """Return the figures of one play; the columns of calls only for ids as they really are."""
    figures: list[Figure] = []
    for table in TABLES:
        whole, indices = on_disk(ch, table)
        bar = "at most 120" if table == "calls" else ""
        aside = sum(size for name, size in columns(ch, table) if name in FOR_REPLAY)
        if table == "calls":
            figures.append(
                (f"calls ({ids}): without what replay needs", whole - aside, "bytes", bar)
            )
        figures.append((f"{table} ({ids}): all", whole, "bytes", ""))
        if ids == "demo":
            continue
        figures.append((f"{table} ({ids}): skip indexes", indices, "bytes", ""))
        for name, size in columns(ch, table)[:LARGEST]:
            figures.append((f"{table} ({ids}): {name}", size, "bytes", ""))
    return figures


def on_disk(ch: Warehouse, table: str) -> tuple[float, float]:
    """Bytes of a row with marks and indexes, and what of it are skip indexes."""
    (row,) = ch.query(WHOLE, {"table": table})
    return row["bytes"], row["indices"]


def columns(ch: Warehouse, table: str) -> list[tuple[str, float]]:
    """Bytes of a row by column, the largest first."""
    return [(row["column"], row["bytes"]) for row in ch.query(COLUMNS, {"table": table})]


def merge(ch: Warehouse) -> None:
    for table in TABLES:
        ch.command(APART.format(table=table))
        ch.command(f"OPTIMIZE TABLE {table} FINAL")


def play(ch: Warehouse, url: str, folder: Path, installation: Installation, sender: Send) -> None:
    """Fill the empty tables with the demo's traffic, loaded and charged."""
    for table in (*TABLES, "segments", "arrivals"):
        ch.command(f"TRUNCATE TABLE {table}")
    with collector(folder, installation, clickhouse_url=url) as to:
        to.start()
        to.wait_ready()
        wait_for_calls(ch, send_all(to, sender))
    settings = environment(folder, {"clickhouse_url": url})
    subprocess.run([sys.executable, "-m", "tests.bench.storage"], env=settings, check=True)


def send_all(to: Collector, sender: Send) -> int:
    """Send every request; returns how many calls they were."""
    inferledger.init(f"http://127.0.0.1:{to.port}", to.key, service="demo", on_full="wait")
    calls, ends_at = 0, datetime.now(UTC) - timedelta(minutes=2)
    for number, request in enumerate(traffic(), 1):
        sender(request, ends_at)
        calls += len(request.attempts)
        if number % CHUNK == 0:
            flush()
    flush()
    inferledger.shutdown()
    return calls


def flush() -> None:
    if not inferledger.flush(FLUSH_S):
        raise RuntimeError("the collector stopped taking calls")


def traffic() -> Iterator[Request]:
    return Drawing(random.Random(1)).requests(arrivals(shipped_traces(), REQUESTS))


def send_as_demo(request: Request, ends_at: datetime) -> None:
    send(request, "play0a1b2c3d", ends_at)


@cache
def drawn_action(_number: int) -> str:
    return f"{random.getrandbits(64):016x}"


def drawn_response(provider: str) -> str:
    """An id of the length and letters of the provider's own."""
    if provider == "anthropic":
        return f"msg_01{letters(22)}"
    if provider == "vllm":
        return f"chatcmpl-{uuid.UUID(int=random.getrandbits(128)).hex}"
    return f"chatcmpl-{letters(29)}"


def letters(count: int) -> str:
    return "".join(random.choices(LETTERS, k=count))


def send_with_drawn_ids(request: Request, ends_at: datetime) -> None:
    """Record every attempt of a request under ids that nothing foretells."""
    client = request.client
    arrived_at = ends_at - timedelta(seconds=request.before_end_s)
    around = inferledger.action(
        client.action,
        action_id=drawn_action(request.action),
        tenant=client.tenant or None,
        user_id=request.user_id,
        team=client.team or None,
        feature=client.feature,
        environment=client.environment,
    )
    with around, inferledger.request():
        for attempt in request.attempts:
            response_id = drawn_response(attempt.model.provider)
            record(attempt, arrived_at, request.prompt, client.stream, response_id)


def main() -> None:
    """Charge what is loaded, in a process whose settings lead to it."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "finops.settings"
    import django

    django.setup()
    from finops.clickhouse.client import warehouse
    from finops.pricing.publish import publish_rates
    from tests.bench.costing import charge

    with warehouse() as ch:
        publish_rates(ch, now=datetime.now(UTC))
        charge(ch)


if __name__ == "__main__":
    main()

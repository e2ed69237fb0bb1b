"""How fast a month leaves as a FOCUS file, and how much memory that takes.

A million rows from 420,000 calls, no two of which share a line of the export, which is the worst
case for it. Measured in a process of its own against the embedded server; CPU seconds are of both
processes, so that work done in ClickHouse counts. The memory is the exporting process's own peak
above what it had before it began.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.costing import processor_s
from tests.clickhouse_server import running

if TYPE_CHECKING:
    from finops.clickhouse.client import Warehouse

CALLS = 420_000
Figure = tuple[str, float, str, str]

# Three models, 28 days, tenants and features of which no two calls of an hour have the same.
FILL = """
INSERT INTO charges (workspace_id, trace_id, span_id, started_at, tenant, feature, environment,
    operation, provider, model, input_tokens, cache_read_tokens, output_tokens, counted,
    last_attempt, request_succeeded, waste_class, input_usd, cache_read_usd, output_usd, call_usd,
    cost_usd, list_usd, rate_version, version)
SELECT 1, unhex(hex(sipHash128(number))), unhex(hex(sipHash64(number))),
    toDateTime64('2026-10-01 00:00:00', 6, 'UTC') + toIntervalHour(number % 672)
        + toIntervalSecond(number % 3600),
    concat('tenant-', toString(number % 97)), concat('feature-', toString(intDiv(number, 672))),
    'production', 'chat', 'openai', ['gpt-4o', 'gpt-4.1', 'o3'][number % 3 + 1],
    1000 + number % 5000 AS new, if(number % 5 < 2, 800, 0) AS cached, 200 + number % 700 AS said,
    1, 1, 1, 'clean', new * toDecimal128('0.0000025', 12) AS new_usd,
    cached * toDecimal128('0.00000125', 12) AS cached_usd,
    said * toDecimal128('0.00001', 12) AS said_usd, 0,
    new_usd + cached_usd + said_usd AS total, total, 1, 1
FROM numbers({calls:UInt64})
"""
ROLL_UP = """
INSERT INTO usage_hourly (workspace_id, hour, tenant, calls, cost_usd, version)
SELECT workspace_id, toStartOfHour(started_at) AS hour, '', count(), sum(assumeNotNull(cost_usd)), 1
FROM charges GROUP BY workspace_id, hour
"""
RATES = """
INSERT INTO rates (rate_version, provider, model, context_upto, valid_to, daily_to_s, input_usd,
    cache_read_usd, output_usd)
SELECT 1, 'openai', arrayJoin(['gpt-4o', 'gpt-4.1', 'o3']), 18446744073709551615,
    toDateTime('2100-01-01 00:00:00', 'UTC'), 86400, 0.0000025, 0.00000125, 0.00001
"""
ALIASES = """
INSERT INTO rate_aliases
SELECT 1, 1, 'openai', arrayJoin(['gpt-4o', 'gpt-4.1', 'o3']) AS m, 'openai', m, now64(3)
"""


def measure(workdir: Path) -> list[Figure]:
    """Start ClickHouse, and measure in a process whose settings lead to it."""
    with running(workdir) as server:
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.focus", str(server.process.pid), str(workdir)],
            env={
                **os.environ,
                "FINOPS_DATA_DIR": str(workdir / "data"),
                "FINOPS_CLICKHOUSE_URL": f"{server.url}?max_threads=1",
            },
            check=True,
            stdout=subprocess.PIPE,
        )
    return [(name, value, unit, bar) for name, value, unit, bar in json.loads(done.stdout)]


def figures(ch: Warehouse, folder: Path) -> list[Figure]:
    from finops.focus.account import Account
    from finops.focus.export import Export, Tally, export_rows
    from finops.focus.versions import version_named
    from finops.focus.write_csv import csv_pieces
    from finops.focus.write_parquet import write_parquet
    from finops.queries import Range

    ch.command(FILL, {"calls": CALLS})
    for statement in (ROLL_UP, RATES, ALIASES):
        ch.command(statement)
    month = Range(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
    wanted = Export(1, Account("acme", "Acme"), month, version_named("1.2"))

    def to_csv(tally: Tally) -> None:
        with (folder / "focus.csv").open("w", newline="") as file:
            for piece in csv_pieces(export_rows(ch, wanted, tally), wanted.version):
                file.write(piece)

    def to_parquet(tally: Tally) -> None:
        write_parquet(export_rows(ch, wanted, tally), wanted.version, folder / "focus.parquet")

    found: list[Figure] = []
    for kind, write in (("CSV", to_csv), ("Parquet", to_parquet)):
        tally = Tally()
        cpu_s, wall_s, memory_mb = measured(lambda write=write, tally=tally: write(tally))  # type: ignore[misc]
        size = (folder / f"focus.{kind.lower()}").stat().st_size
        found += [
            (f"FOCUS 1.2, {tally.rows:,} rows as {kind}", tally.rows / cpu_s, "rows/CPU s", ""),
            (f"  wall time, {kind}", wall_s, "s", ""),
            (f"  memory above the start, {kind}", memory_mb, "MB", "below 300"),
            (f"  size, {kind}", size / tally.rows, "bytes/row", ""),
        ]
    return found


def measured(work: Callable[[], object]) -> tuple[float, float, float]:
    """CPU seconds of both processes, wall seconds, and by how much this one's peak grew in MB."""
    server = int(sys.argv[1])
    own_s, its_s, wall_s = time.process_time(), processor_s(server), time.monotonic()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    work()
    cpu_s = time.process_time() - own_s + processor_s(server) - its_s
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return cpu_s, time.monotonic() - wall_s, grown / 1024


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "finops.settings"
    import django

    django.setup()
    from finops.clickhouse.client import warehouse
    from finops.clickhouse.migrate import Shape, bring_up_to_date

    with warehouse() as ch:
        bring_up_to_date(ch, Shape(), datetime.now(UTC))
        json.dump(figures(ch, Path(sys.argv[2])), sys.stdout)


if __name__ == "__main__":
    main()

"""How fast calls become charges and hourly sums, with ClickHouse held to one thread.

Measured in a process of its own against the embedded server: an hour of a million calls in segments
as the loader leaves them, then a few seconds of late traffic into that full hour, then hours that
are behind by two millions, then nothing; and
a month of charges priced anew (`--month CALLS`, 10 million by default), with all cores. Seconds of
processor time are the server's, which other work on the machine doesn't stretch.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.clickhouse_server import running

if TYPE_CHECKING:
    from finops.clickhouse.client import Warehouse

CALLS = 1_000_000
SEGMENT_CALLS = 20_000
LATE_CALLS = 1_500
ROUNDS = 3
FULL = datetime(2026, 11, 20, 10, tzinfo=UTC)
# Hours enough before it that none of them is read beside the full one.
BEHIND, BEHIND_HOURS = datetime(2026, 11, 19, 10, tzinfo=UTC), 3
MONTH_CALLS = 10_000_000
MONTH = datetime(2026, 10, 1, tzinfo=UTC)
DAYS = 30

# One call in twenty is the retry of the one before it; four models, one of them with context tiers.
FILL = """
INSERT INTO calls (workspace_id, tenant, user_id, trace_id, span_id, request_id, attempt,
    response_id, operation, provider, model_served, started_at, duration_ms, input_tokens,
    cache_read_tokens, output_tokens, outcome, prompt_hash, cache_layer, segment, received_at)
SELECT 1, concat('tenant-', toString(number % 200)), concat('user-', toString(number % 9973)),
    unhex(hex(sipHash128(number))), unhex(hex(sipHash64(number))),
    concat('request-', toString(number - (number % 20 = 0))), number % 20 = 0,
    concat('response-', toString(number)), 'chat',
    ['openai', 'anthropic', 'gcp.gemini', 'deepseek'][number % 4 + 1],
    ['gpt-4o', 'claude-sonnet-4-5', 'gemini-2.5-pro', 'deepseek-chat'][number % 4 + 1],
    {first:DateTime64(6, 'UTC')} + intDiv((number - {start:UInt64}) * {seconds:UInt64},
        {calls:UInt64}), 1200,
    intHash64(number) % 5000, intHash64(number + 1) % 300, intHash64(number + 2) % 700, 'ok',
    intHash64(number + 3), 'none',
    concat({name:String}, toString(intDiv(number, {size:UInt32}))), now64(3)
FROM numbers({start:UInt64}, {calls:UInt64})
"""
ANNOUNCE = """
INSERT INTO segments
SELECT segment, count(), count(), now64(3), 0, now64(3), 0
FROM calls WHERE startsWith(segment, {name:String}) GROUP BY segment
"""

# A month of charges as an earlier run left them, with nothing of a price in it yet.
CHARGED = """
INSERT INTO charges (workspace_id, trace_id, span_id, started_at, tenant, user_id, environment,
    operation, provider, model, action_id, request_id, outcome, duration_ms, input_tokens,
    cache_read_tokens, output_tokens, counted, last_attempt, request_succeeded, waste_class,
    version)
SELECT 1, unhex(hex(sipHash128(number))), unhex(hex(sipHash64(number))),
    {month:DateTime64(6, 'UTC')} + intDiv(number * 86400 * {days:UInt64}, {calls:UInt64}),
    concat('tenant-', toString(number % 200)), concat('user-', toString(number % 9973)), 'live',
    'chat', ['openai', 'anthropic', 'gcp.gemini', 'deepseek'][number % 4 + 1],
    ['gpt-4o', 'claude-sonnet-4-5', 'gemini-2.5-pro', 'deepseek-chat'][number % 4 + 1],
    concat('action-', toString(intDiv(number, 5))), concat('request-', toString(number)), 'ok',
    1200, intHash64(number) % 5000, intHash64(number + 1) % 300, intHash64(number + 2) % 700,
    1, 1, 1, 'clean', 1
FROM numbers({start:UInt64}, {size:UInt64})
"""

Figure = tuple[str, float, str, str]


def measure(workdir: Path) -> list[Figure]:
    """Start ClickHouse, and measure in a process whose settings lead to it."""
    with running(workdir) as server:
        return [
            *run(workdir, f"{server.url}?max_threads=1", server.process.pid),
            *run(workdir, server.url, server.process.pid, "--month", str(MONTH_CALLS)),
        ]


def run(workdir: Path, url: str, pid: int, *options: str) -> list[Figure]:
    """Measure in a process of its own; without options what one thread does."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.costing", str(pid), *options],
        env={
            **os.environ,
            "FINOPS_DATA_DIR": str(workdir / "data"),
            "FINOPS_CLICKHOUSE_URL": url,
        },
        check=True,
        stdout=subprocess.PIPE,
    )
    return [(name, value, unit, bar) for name, value, unit, bar in json.loads(done.stdout)]


def processor_s(pid: int) -> float:
    """Return the processor time that a process has used, its own and the kernel's for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def seconds(work: Callable[[], object]) -> float:
    pid = int(sys.argv[1])
    began = processor_s(pid)
    work()
    return processor_s(pid) - began


def load(
    ch: Warehouse, name: str, start: int, calls: int, first: datetime = FULL, hours: int = 1
) -> None:
    params = {"name": name, "start": start, "calls": calls, "size": SEGMENT_CALLS}
    ch.command(FILL, {**params, "first": first, "seconds": hours * 3600})
    ch.command(ANNOUNCE, {"name": name})


def charge(ch: Warehouse) -> None:
    from finops.costing.charge import charge_waiting
    from finops.costing.lease import give_lease_back, take_lease

    def clock() -> datetime:
        return datetime.now(UTC)

    lease = take_lease("charge", now=clock())
    if lease is None:
        raise RuntimeError("another process holds the lease of the charge job")
    charge_waiting(ch, lease, clock)
    give_lease_back(lease, now=clock())


def figures(ch: Warehouse) -> list[Figure]:
    load(ch, "full-", 0, CALLS)
    whole_s = seconds(lambda: charge(ch))
    late_s = []
    for round_ in range(ROUNDS):
        load(ch, f"late-{round_}-", CALLS + round_ * LATE_CALLS, LATE_CALLS)
        late_s.append(seconds(lambda: charge(ch)))
    # Two rounds: each reads hours of the other beside its own, and follows links.
    for round_ in range(2):
        first = BEHIND + round_ * timedelta(hours=BEHIND_HOURS)
        load(ch, f"behind-{round_}-", (10 + round_) * CALLS, CALLS, first, BEHIND_HOURS)
    behind_s = seconds(lambda: charge(ch))
    idle_ms = median(seconds(lambda: charge(ch)) for _ in range(ROUNDS)) * 1000
    return [
        ("calls charged and summed", CALLS / whole_s, "calls/CPU s", "200,000"),
        ("a backlog of hours, charged and summed", 2 * CALLS / behind_s, "calls/CPU s", ""),
        (f"{LATE_CALLS:,} new calls in an hour of 1M", median(late_s), "CPU s", "below 5"),
        ("hour of 1M calls summed", roll_up_s(ch), "CPU s", ""),
        ("run with nothing to do", idle_ms, "CPU ms", ""),
    ]


def month_figures(ch: Warehouse, calls: int) -> list[Figure]:
    from finops.costing.reprice_hours import reprice_hours
    from finops.pricing.publish import current_rate_version

    for start in range(0, calls, CALLS):
        part = {"start": start, "size": min(CALLS, calls - start), "calls": calls}
        ch.command(CHARGED, {**part, "month": MONTH, "days": DAYS})
    began_s, cpu_s = time.monotonic(), processor_s(int(sys.argv[1]))
    done = reprice_hours(
        ch,
        current_rate_version(),
        workspace_id=1,
        start=MONTH,
        end=MONTH + timedelta(days=DAYS),
        version=10**15,
        now=datetime.now(UTC),
    )
    took_s, cpu_s = time.monotonic() - began_s, processor_s(int(sys.argv[1])) - cpu_s
    if done != calls:
        raise RuntimeError(f"{done} of {calls} charges were priced anew")
    return [
        (f"a month of {calls:,} calls repriced", took_s, "s", "below 120"),
        ("charges repriced and summed", calls / cpu_s, "calls/CPU s", ""),
    ]


def roll_up_s(ch: Warehouse) -> float:
    from finops.costing.rollup import roll_up, start_touching

    start_touching(ch)
    ch.command("INSERT INTO touched SELECT 1, toDateTime('2026-11-20 10:00:00', 'UTC')")
    return median(seconds(lambda: roll_up(ch, version=10**6)) for _ in range(ROUNDS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pid", type=int, help="the process of the embedded server")
    parser.add_argument("--month", type=int, metavar="CALLS", help="measure repricing instead")
    wanted = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "finops.settings"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from finops.clickhouse.client import warehouse
    from finops.clickhouse.migrate import Shape, bring_up_to_date
    from finops.pricing.publish import publish_rates

    with warehouse() as ch:
        bring_up_to_date(ch, Shape(), datetime.now(UTC))
        publish_rates(ch, now=datetime.now(UTC))
        found = month_figures(ch, wanted.month) if wanted.month else figures(ch)
        json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
